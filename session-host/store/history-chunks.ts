import type { ErrorCode } from '#shared/errors.ts'
import { appendEvents } from './append-events.ts'
import type { Database } from './database.ts'
import { fenced, type Lease } from './fenced.ts'
import { refreshSync } from './project-history.ts'
import type { SealedBox } from './sealed-box.ts'

/** A chunk of history as it was announced. */
export interface AnnouncedChunk {
  /** Inbox row that it came in. */
  stanzaKey: string
  waId: string
  syncType: 'initial' | 'recent' | 'full' | 'push_names' | 'on_demand' | 'other'
  chunkOrder: number | null
  progress: number | null
  requestId: string | null
  bytes: Buffer
}

/** A chunk that is to be imported now. */
export interface WaitingChunk {
  id: string
  waId: string
  syncType: string
  bytes: Buffer
  /** Conversations of it that are stored. */
  position: number
  /** Failed tries. */
  attempts: number
}

/** The chunks of history of one session, bound to its lease. What is in here is stored sooner or later, or visibly failed. */
export interface HistoryStore {
  /** Keeps an announcement, in one transaction with taking it out of the inbox. Kept once, however often it comes. */
  add(chunk: AnnouncedChunk): Promise<void>
  /** The chunk that comes first of those that may be tried now: the newest messages, names, what somebody waits for, then back in time. */
  next(): Promise<WaitingChunk | null>
  /** Seconds until a chunk may be tried; null when none waits. */
  secondsToNext(): Promise<number | null>
  /** A try failed: again after the delay, or, without one, never. */
  fail(chunkId: string, code: ErrorCode, retryInSeconds: number | null): Promise<void>
  /** The phone has not sent anything for a while: says so, unless everything is there. */
  pause(): Promise<void>
}

/** @see HistoryStore. Announcements are encrypted: they hold the key of the file, or the messages themselves. */
export function createHistoryStore(database: Database, box: SealedBox, lease: Lease): HistoryStore {
  const { sessionId, userId } = lease
  const context = (stanzaKey: string): string => `${sessionId}/history/${stanzaKey}`
  return {
    add: (chunk) =>
      fenced(database, lease, async (transaction) => {
        const added = await transaction.query(
          `insert into private.history_chunks (
               session_id, user_id, stanza_key, wa_id, sync_type, chunk_order, progress, request_id, notice)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             on conflict (session_id, stanza_key) do nothing returning 1`,
          [
            sessionId,
            userId,
            chunk.stanzaKey,
            chunk.waId,
            chunk.syncType,
            chunk.chunkOrder,
            chunk.progress,
            chunk.requestId,
            box.seal(context(chunk.stanzaKey), chunk.bytes),
          ],
        )
        await transaction.query(
          `update private.inbox set ciphertext = null, projected_at = now()
             where session_id = $1 and stanza_key = $2 and projected_at is null`,
          [sessionId, chunk.stanzaKey],
        )
        // The phone was asked for a chunk again, and this is it.
        if (added.length > 0 && chunk.syncType !== 'on_demand')
          await transaction.query(
            `with replaced as (delete from private.history_chunks
               where session_id = $1 and sync_type = $2 and chunk_order is not distinct from $3 and stanza_key <> $4
                 and status <> 'stored' and error_code is not null and chunk_order is not null
               returning unindexed)
             update private.history_chunks set unindexed = true
               where session_id = $1 and stanza_key = $4 and exists (select from replaced where unindexed)`,
            [sessionId, chunk.syncType, chunk.chunkOrder, chunk.stanzaKey],
          )
        const events = await refreshSync(transaction, lease)
        if (events.length > 0) await appendEvents(transaction, lease, events)
      }),
    async next() {
      const [row] = await database.query<{
        id: string
        stanza_key: string
        wa_id: string
        sync_type: string
        notice: Buffer
        position: number
        attempts: number
      }>(
        `select id, stanza_key, wa_id, sync_type, notice, position, attempts from private.history_chunks
           where session_id = $1 and status = 'waiting' and next_attempt_at <= now()
           order by array_position(array['push_names', 'initial', 'on_demand', 'other', 'recent', 'full'], sync_type),
             chunk_order nulls last, received_at, id
           limit 1`,
        [sessionId],
      )
      if (!row) return null
      return {
        id: row.id,
        waId: row.wa_id,
        syncType: row.sync_type,
        bytes: box.open(context(row.stanza_key), row.notice),
        position: row.position,
        attempts: row.attempts,
      }
    },
    async secondsToNext() {
      const [row] = await database.query<{ seconds: number | null }>(
        `select extract(epoch from min(next_attempt_at) - now())::float8 as seconds
           from private.history_chunks where session_id = $1 and status = 'waiting'`,
        [sessionId],
      )
      return row?.seconds ?? null
    },
    fail: (chunkId, code, retryInSeconds) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.history_chunks set
               attempts = attempts + 1, error_code = $3, next_attempt_at = now() + make_interval(secs => coalesce($4, 0)),
               status = case when $4::float8 is null then 'failed' else status end,
               notice = case when $4::float8 is null then null else notice end,
               finished_at = case when $4::float8 is null then now() end
             where session_id = $1 and id = $2 and status = 'waiting'`,
          [sessionId, chunkId, code, retryInSeconds],
        )
        const events = await refreshSync(transaction, lease, { errorCode: code })
        if (events.length > 0) await appendEvents(transaction, lease, events)
      }),
    pause: () =>
      fenced(database, lease, async (transaction) => {
        const events = await refreshSync(transaction, lease, { paused: true })
        if (events.length > 0) await appendEvents(transaction, lease, events)
      }),
  }
}
