import { Conversation } from '#shared/conversation.ts'
import { SessionEvent, type EventEnvelope } from '#shared/events.ts'
import { Message } from '#shared/message.ts'
import type { Session } from '#shared/session.ts'
import type { Database } from './database.ts'

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
  /** Events after `seq` in order, at most `limit`. */
  eventsAfter(sessionId: string, seq: number, limit: number): Promise<EventPage>
  linkingSecrets(sessionId: string): Promise<LinkingSecrets | null>
}

const sessionColumns = `s.id, s.user_id, s.is_default, s.status, s.status_reason, s.phone, t.first_seq, t.last_seq
  from public.whatsapp_sessions s join private.session_streams t on t.session_id = s.id`

/** @see EventReader */
export function createEventReader(database: Database): EventReader {
  return {
    sessionsOf: (userId) =>
      database.query<SessionSummary>(`select ${sessionColumns} where s.user_id = $1 order by s.is_default desc, s.id`, [
        userId,
      ]),
    async session(sessionId) {
      const [row] = await database.query<SessionSummary>(`select ${sessionColumns} where s.id = $1`, [sessionId])
      return row ?? null
    },
    async eventsAfter(sessionId, seq, limit) {
      const events = await database.query<{ seq: number; type: string; at: Date; data: Record<string, unknown> }>(
        `select seq, type, at, data from public.session_events
           where session_id = $1 and seq > $2 order by seq limit $3`,
        [sessionId, seq, limit],
      )
      const messages = await readRows(database, 'messages_new', idsIn(events, 'message_id'))
      const conversations = await readRows(database, 'conversations_new', idsIn(events, 'conversation_id'))
      const results = await readResults(database, sessionId, events)
      const known = events.flatMap((row) => {
        const event = SessionEvent.safeParse({ type: row.type, data: row.data })
        // A newer host may write kinds that this one does not know; they must not hold up the others.
        if (!event.success) return []
        const message = Message.safeParse(messages.get(String(row.data['message_id'])))
        const conversation = Conversation.safeParse(conversations.get(String(row.data['conversation_id'])))
        const result = event.data.type === 'command.finished' ? results.get(event.data.data.command_id) : undefined
        return {
          ...event.data,
          seq: row.seq,
          at: row.at.toISOString(),
          sessionId,
          ...(message.success ? { message: message.data } : {}),
          ...(conversation.success ? { conversation: conversation.data } : {}),
          ...(result ? { result } : {}),
        }
      })
      return { events: known, firstSeq: events[0]?.seq ?? null, lastSeq: events.at(-1)?.seq ?? seq }
    },
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

function idsIn(events: { data: Record<string, unknown> }[], field: string): string[] {
  return [...new Set(events.flatMap(({ data }) => (typeof data[field] === 'string' ? [data[field]] : [])))]
}

async function readRows(
  database: Database,
  table: 'messages_new' | 'conversations_new',
  ids: string[],
): Promise<Map<string, Record<string, unknown>>> {
  if (ids.length === 0) return new Map()
  const rows = await database.query<{ id: string }>(
    `select * from public.${table} where id = any($1)
       ${table === 'messages_new' ? 'and (expires_at is null or expires_at > now())' : ''}`,
    [ids],
  )
  return new Map(rows.map((row) => [row.id, isoTimes(row)]))
}

/** What came of the actions that are told to be done, by the command's id. */
async function readResults(
  database: Database,
  sessionId: string,
  events: { type: string; data: Record<string, unknown> }[],
): Promise<Map<number, Record<string, unknown>>> {
  const ids = events.flatMap(({ type, data }) => (type === 'command.finished' ? [data['command_id']] : []))
  if (ids.length === 0) return new Map()
  const rows = await database.query<{ id: number; result: Record<string, unknown> | null }>(
    'select id, result from private.session_commands where session_id = $1 and id = any($2::bigint[])',
    [sessionId, ids],
  )
  return new Map(rows.map(({ id, result }) => [id, result ?? {}]))
}

/** Times as the API writes them. */
function isoTimes(row: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value instanceof Date ? value.toISOString() : (value as unknown),
    ]),
  )
}
