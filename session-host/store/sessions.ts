import type { Restriction, SessionReason, SessionStatus } from '#shared/session.ts'
import { appendEvents } from './append-events.ts'
import { credentialsContext } from './credentials.ts'
import type { Database } from './database.ts'
import { fenced, leaseLost, type Lease } from './fenced.ts'
import type { SealedBox } from './sealed-box.ts'

export interface SessionRow {
  id: string
  user_id: string
  desired: 'running' | 'stopped'
  status: SessionStatus
  status_reason: SessionReason | null
  phone: string | null
  linked_at: Date | null
  retry_count: number
  restriction: Restriction | null
  restricted_until: Date | null
  /** Pause that is left before the next attempt to connect, in ms; null when it isn't waiting. */
  retry_in_ms: number | null
}

/** What the owner of a session writes about it; all fenced by the lease, status changes with their event. */
export interface SessionStore {
  read(): Promise<SessionRow | null>
  /**
   * Sets the status, and what else goes with it; writes nothing when it is already so, or when the owner wants the session to stop
   * meanwhile, unless that is what the change says.
   */
  setStatus(change: StatusChange): Promise<void>
  /** Connecting has worked for long enough: the next trouble begins with the shortest pause again. */
  forgetRetries(): Promise<void>
  /** What WhatsApp does not let the account do, or null for nothing (any more), with its event. */
  restrict(restriction: Restriction | null, until: Date | null): Promise<void>
  /** Puts a new QR (a PNG data URL) in the place of the last one, while the owner wants one. */
  showQr(qr: { dataUrl: string; expiresAt: Date; attempt: number }): Promise<void>
  /**
   * A phone has linked. The same number as before keeps the session and its history; another number goes on in the session that
   * already has it, or in a new one, which becomes the default; `credentials` are written there. Returns that session's id. Fails with
   * lease_lost while another host holds it.
   */
  completeLinking(account: { phone: string; lid: string | null; credentials: Buffer }): Promise<string>
  /** The owner no longer wants it: takes the QR away. */
  hideQr(): Promise<void>
  /**
   * Logged out: credentials, keys, inbox and what waits for chats and messages are wiped, and sends that never left fail. Conversations stay.
   */
  wipe(reason: SessionReason): Promise<void>
}

export interface StatusChange {
  status: SessionStatus
  reason?: SessionReason
  desired?: 'running' | 'stopped'
  /** How often in a row connecting has failed, and the pause before it is tried again, in ms. */
  retry?: { count: number; pauseMs: number }
  /** Revision of WhatsApp Web that it was accepted with. */
  clientRevision?: number
}

const columns = `id, user_id, desired, status, status_reason, phone, linked_at, retry_count, restriction, restricted_until,
  greatest(extract(epoch from retry_at - now()) * 1000, 0)::float8 as retry_in_ms`

/** What is kept of a link until its chats and messages are there. The next link brings its own. */
const keptAside = ['history_chunks', 'early_states', 'early_receipts', 'early_changes']

/** @see SessionStore */
export function createSessionStore(
  database: Database,
  box: SealedBox,
  lease: Lease,
  leaseSeconds: number,
): SessionStore {
  const { sessionId, userId } = lease
  return {
    async read() {
      const [row] = await database.query<SessionRow>(`select ${columns} from public.whatsapp_sessions where id = $1`, [
        sessionId,
      ])
      return row ?? null
    },
    setStatus: (change) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update public.whatsapp_sessions set
               retry_count = coalesce($2, retry_count), retry_at = now() + $3 * interval '1 millisecond',
               client_revision = coalesce($4, client_revision)
             where id = $1 and (retry_at is not null or $3::float8 is not null or client_revision is distinct from coalesce($4, client_revision))`,
          [sessionId, change.retry?.count ?? null, change.retry?.pauseMs ?? null, change.clientRevision ?? null],
        )
        const changed = await transaction.query<{ phone: string | null }>(
          `update public.whatsapp_sessions set
               status = $2, status_reason = $3, status_at = now(), desired = coalesce($4, desired)
             where id = $1 and (status, coalesce(status_reason, ''), desired)
               is distinct from ($2, coalesce($3, ''), coalesce($4, desired))
               and (desired = 'running' or $4 = 'stopped')
             returning phone`,
          [sessionId, change.status, change.reason ?? null, change.desired ?? null],
        )
        if (change.status !== 'linking')
          await transaction.query('delete from private.linking_attempts where session_id = $1', [sessionId])
        if (!changed[0]) return
        await appendEvents(transaction, lease, [
          {
            type: 'session.status',
            data: { status: change.status, reason: change.reason ?? null, phone: changed[0].phone },
          },
        ])
      }),
    forgetRetries: () =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          'update public.whatsapp_sessions set retry_count = 0, retry_at = null where id = $1 and retry_count > 0',
          [sessionId],
        )
      }),
    restrict: (restriction, until) =>
      fenced(database, lease, async (transaction) => {
        const changed = await transaction.query(
          `update public.whatsapp_sessions set restriction = $2, restricted_until = $3
             where id = $1 and (restriction, restricted_until) is distinct from ($2, $3) returning id`,
          [sessionId, restriction, until],
        )
        if (changed.length === 0) return
        await appendEvents(transaction, lease, [
          { type: 'session.restriction', data: { restriction, until: until?.toISOString() ?? null } },
        ])
      }),
    showQr: (qr) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `insert into private.linking_attempts (session_id, qr, qr_expires_at, attempt)
             select $1, $2, $3, $4 from public.whatsapp_sessions where id = $1 and desired = 'running' for update
             on conflict (session_id) do update set
               qr = excluded.qr, qr_expires_at = excluded.qr_expires_at, attempt = excluded.attempt,
               version = linking_attempts.version + 1`,
          [sessionId, qr.dataUrl, qr.expiresAt, qr.attempt],
        )
      }),
    hideQr: () =>
      fenced(database, lease, async (transaction) => {
        await transaction.query('delete from private.linking_attempts where session_id = $1', [sessionId])
      }),
    completeLinking: (account) =>
      fenced(database, lease, async (transaction) => {
        const [current] = await transaction.query<SessionRow>(
          `select ${columns} from public.whatsapp_sessions where id = $1 for update`,
          [sessionId],
        )
        if (!current) throw new Error('the session is gone')
        let target = sessionId
        if (current.phone !== null && current.phone !== account.phone) {
          await transaction.query(
            `update public.whatsapp_sessions set is_default = false, desired = 'stopped', status = 'logged_out', status_at = now()
               where id = $1`,
            [sessionId],
          )
          const [other] = await transaction.query<{ id: string }>(
            `insert into public.whatsapp_sessions (user_id, phone) values ($1, $2)
               on conflict (user_id, phone) do update set is_default = true
               returning id`,
            [userId, account.phone],
          )
          if (!other) throw new Error('no session for the linked number')
          target = other.id
          const [taken] = await transaction.query<{ epoch: number | null }>(
            'select private.acquire_lease($1, $2, $3) as epoch',
            [target, lease.holder, leaseSeconds],
          )
          // Another host writes for it: nothing goes there beside it.
          if (!taken?.epoch) throw leaseLost()
          for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox'])
            await transaction.query(`delete from private.${table} where session_id = $1`, [sessionId])
          await appendEvents(transaction, lease, [
            { type: 'session.status', data: { status: 'logged_out', phone: current.phone } },
          ])
        }
        // What an earlier link announced; the phone begins anew.
        for (const table of keptAside)
          await transaction.query(`delete from private.${table} where session_id = any($1)`, [[sessionId, target]])
        await transaction.query(
          `update public.whatsapp_sessions set
               phone = $2, lid = $3, linked_at = now(), desired = 'running', status = 'connecting', status_reason = null,
               status_at = now(), sync_progress = 0, sync_status = 'waiting', sync_messages = 0, sync_chunks = 0,
               sync_chunks_stored = 0, sync_chunks_failed = 0
             where id = $1`,
          [target, account.phone, account.lid],
        )
        await transaction.query(
          `insert into private.whatsapp_credentials (session_id, ciphertext) values ($1, $2)
             on conflict (session_id) do update set ciphertext = excluded.ciphertext, updated_at = now()`,
          [target, box.seal(credentialsContext(target), account.credentials)],
        )
        await transaction.query('delete from private.linking_attempts where session_id = any($1)', [
          [sessionId, target],
        ])
        await appendEvents(transaction, { sessionId: target, userId }, [
          { type: 'session.status', data: { status: 'connecting', phone: account.phone } },
        ])
        await transaction.query('select private.wake_hosts($1)', [target])
        return target
      }),
    wipe: (reason) =>
      fenced(database, lease, async (transaction) => {
        for (const table of ['whatsapp_credentials', 'whatsapp_keys', 'inbox', 'linking_attempts', ...keptAside])
          await transaction.query(`delete from private.${table} where session_id = $1`, [sessionId])
        await transaction.query(
          `update public.whatsapp_sessions set
               status = 'logged_out', status_reason = $2, status_at = now(), desired = 'stopped', linked_at = null,
               sync_progress = null, sync_status = null
             where id = $1`,
          [sessionId, reason],
        )
        // The messages before their commands, as whoever raises a status locks them.
        await transaction.query(
          `select 1 from public.messages_new m
             where m.id in (
               select message_id from private.session_commands where session_id = $1 and status in ('queued', 'claimed'))
             order by m.id for no key update`,
          [sessionId],
        )
        await transaction.query(
          `update private.session_commands set status = case kind when 'logout' then 'done' else 'dead' end,
               error_code = case kind when 'logout' then null else 'session_not_linked' end, finished_at = now()
             where session_id = $1 and status in ('queued', 'claimed')`,
          [sessionId],
        )
        const failed = await transaction.query<{ id: string; conversation_id: string }>(
          `update public.messages_new set status = 'failed', error_code = 'session_not_linked'
             where session_id = $1 and status = 'pending' returning id, conversation_id`,
          [sessionId],
        )
        await appendEvents(transaction, lease, [
          ...failed.map((message) => ({
            type: 'message.status' as const,
            data: {
              conversation_id: message.conversation_id,
              message_id: message.id,
              status: 'failed' as const,
              error_code: 'session_not_linked',
            },
          })),
          { type: 'session.status', data: { status: 'logged_out', reason } },
        ])
      }),
  }
}
