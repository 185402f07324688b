import { Conversation } from '#shared/conversation.ts'
import { SessionEvent, type EventEnvelope } from '#shared/events.ts'
import { Message } from '#shared/message.ts'
import type { Session } from '#shared/session.ts'
import type { Database } from './database.ts'
import { createGrouping } from './grouping.ts'

export interface SessionSummary {
  id: string
  user_id: string
  is_default: boolean
  status: Session['status']
  status_reason: string | null
  phone: string | null
  first_seq: number
  last_seq: number
}

/** What a person links a phone with at the moment, each null while there is none that is valid. */
export interface LinkingSecrets {
  qr: string | null
  code: { code: string; expires_at: string } | null
  /** Grows with every change. */
  version: number
}

/** Some of the log, in order. */
export interface EventPage {
  /** Those of kinds that this host knows: a newer host may write others. */
  events: EventEnvelope[]
  /** Of all that were read; null where there are none. A first one that does not follow the cursor: what lay between was trimmed. */
  firstSeq: number | null
  lastSeq: number
}

/** The publisher's view of the log: sessions, events after a cursor with the rows they are about, and the QR of the moment. */
export interface EventReader {
  sessionsOf(userId: string): Promise<SessionSummary[]>
  session(sessionId: string): Promise<SessionSummary | null>
  /** A session as it is, and its events after `seq` in order, at most `limit`. Null when there is no such session. */
  eventsAfter(sessionId: string, seq: number, limit: number): Promise<(EventPage & { session: SessionSummary }) | null>
  linkingSecrets(sessionId: string): Promise<LinkingSecrets | null>
}

const sessionColumns = `s.id, s.user_id, s.is_default, s.status, s.status_reason, s.phone, t.first_seq, t.last_seq`
const sessions = `public.whatsapp_sessions s join private.session_streams t on t.session_id = s.id`

/** Sessions that are read at once at most; and how many reads are under way while others gather. */
const largestGroup = 50
const readsAtOnce = 2

interface Wanted {
  sessionId: string
  seq: number
  limit: number
  resolve: (found: (EventPage & { session: SessionSummary }) | null) => void
  reject: (error: unknown) => void
}

type EventRow = Omit<SessionSummary, 'first_seq' | 'last_seq'> & {
  n: number
  first_seq: number
  last_seq: number
  seq: number | null
  type: string
  at: Date
  data: Record<string, unknown>
  message: Record<string, unknown> | null
  conversation: Record<string, unknown> | null
}

/** @see EventReader. What is asked for while reads are under way is read together. */
export function createEventReader(database: Database): EventReader {
  const reads = createGrouping<Wanted>({
    inFlight: readsAtOnce,
    take: (waiting) => Math.min(waiting.length, largestGroup),
    run: readGroup,
  })

  async function readGroup(group: Wanted[]): Promise<void> {
    try {
      const rows = await database.query<EventRow>(
        'select * from private.read_events($1, $2, $3)',
        [group.map(({ sessionId }) => sessionId), group.map(({ seq }) => seq), group.map(({ limit }) => limit)],
        'read_events',
      )
      const results = await readResults(
        database,
        rows.filter((row) => row.seq !== null),
      )
      const byRequest = Map.groupBy(rows, ({ n }) => n)
      for (const [index, wanted] of group.entries()) wanted.resolve(pageOf(byRequest.get(index + 1), wanted, results))
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  return {
    sessionsOf: (userId) =>
      database.query<SessionSummary>(
        `select ${sessionColumns} from ${sessions} where s.user_id = $1 order by s.is_default desc, s.id`,
        [userId],
      ),
    async session(sessionId) {
      const [row] = await database.query<SessionSummary>(`select ${sessionColumns} from ${sessions} where s.id = $1`, [
        sessionId,
      ])
      return row ?? null
    },
    eventsAfter: (sessionId, seq, limit) =>
      new Promise((resolve, reject) => reads.add({ sessionId, seq, limit, resolve, reject })),
    async linkingSecrets(sessionId) {
      const [row] = await database.query<{ qr: string | null; code: string | null; expires_at: Date; version: number }>(
        `select case when qr_expires_at > now() then qr end as qr,
             case when pairing_code_expires_at > now() then pairing_code end as code,
             pairing_code_expires_at as expires_at, version
           from private.linking_attempts where session_id = $1`,
        [sessionId],
      )
      if (!row) return null
      const { qr, code, expires_at, version } = row
      return { qr, code: code === null ? null : { code, expires_at: expires_at.toISOString() }, version }
    },
  }
}

function pageOf(
  rows: EventRow[] | undefined,
  { sessionId, seq }: Wanted,
  results: Map<number, Record<string, unknown>>,
): (EventPage & { session: SessionSummary }) | null {
  const [first] = rows ?? []
  if (!rows || !first) return null
  const { id, user_id, is_default, status, status_reason, phone, first_seq, last_seq } = first
  const events = rows.filter((row) => row.seq !== null)
  const known = events.flatMap((row) => {
    const event = SessionEvent.safeParse({ type: row.type, data: row.data })
    // A newer host may write kinds that this one does not know; they must not hold up the others.
    if (!event.success) return []
    const message = Message.safeParse(row.message && isoTimes(row.message))
    const conversation = Conversation.safeParse(row.conversation && isoTimes(row.conversation))
    const result = event.data.type === 'command.finished' ? results.get(event.data.data.command_id) : undefined
    return {
      ...event.data,
      seq: row.seq ?? 0,
      at: row.at.toISOString(),
      sessionId,
      ...(message.success ? { message: message.data } : {}),
      ...(conversation.success ? { conversation: conversation.data } : {}),
      ...(result ? { result } : {}),
    }
  })
  return {
    session: { id, user_id, is_default, status, status_reason, phone, first_seq, last_seq },
    events: known,
    firstSeq: events[0]?.seq ?? null,
    lastSeq: events.at(-1)?.seq ?? seq,
  }
}

/** What came of the actions that are told to be done, by the command's id. */
async function readResults(database: Database, events: EventRow[]): Promise<Map<number, Record<string, unknown>>> {
  const commands = events.filter(({ type }) => type === 'command.finished')
  if (commands.length === 0) return new Map()
  const rows = await database.query<{ id: number; result: Record<string, unknown> | null }>(
    `select c.id, c.result from unnest($1::uuid[], $2::bigint[]) as e(session_id, id)
       join private.session_commands c on c.session_id = e.session_id and c.id = e.id`,
    [commands.map(({ id }) => id), commands.map(({ data }) => data['command_id'])],
  )
  return new Map(rows.map(({ id, result }) => [id, result ?? {}]))
}

/** Times as the API writes them: the database's JSON has microseconds and an offset. */
function isoTimes(row: Record<string, unknown>): Record<string, unknown> {
  const shown = { ...row }
  for (const [name, value] of Object.entries(row))
    if (typeof value === 'string' && /_(at|until)$/.test(name) && !Number.isNaN(Date.parse(value)))
      shown[name] = new Date(value).toISOString()
  return shown
}
