import { z } from 'zod'

/** What a session's connection is doing. `reconnecting` passes by itself; `logged_out` and `stopped` need a person. */
export const SessionStatus = z.enum([
  'unlinked',
  'linking',
  'connecting',
  'connected',
  'reconnecting',
  'logged_out',
  'stopped',
])
export type SessionStatus = z.infer<typeof SessionStatus>

/** Why a session is in its status. */
export const SessionReason = z.enum([
  'logged_out',
  'logout_requested',
  'link_expired',
  'link_failed',
  'replaced',
  'forbidden',
  'temporarily_banned',
  'device_refused',
  'outdated_client',
  'connection_lost',
  'server_unavailable',
  'endpoint_refused',
  'rate_limited',
  'bad_session',
  'credentials_suspect',
  'host_away',
])
export type SessionReason = z.infer<typeof SessionReason>

/**
 * The history of a linked number. waiting: the phone has not sent any yet; importing; paused: the phone stopped before the end and may
 * go on; complete; incomplete: all that came is in, but for chunks that could not be had.
 */
export const SyncStatus = z.enum(['waiting', 'importing', 'paused', 'complete', 'incomplete'])
export type SyncStatus = z.infer<typeof SyncStatus>
/** What WhatsApp does not let an account do for a while. */
export const Restriction = z.enum(['reachout_timelock', 'message_cap', 'temporarily_banned'])
export type Restriction = z.infer<typeof Restriction>

/** A user's session as the API shows it. Times are ISO 8601. */
export const Session = z.object({
  id: z.uuid().nullable(),
  status: SessionStatus,
  reason: z.string().nullable(),
  /** What the reason means and what to do, for a person; null without a reason. */
  message: z.string().nullable(),
  /** When it connects again by itself, while it waits for that. */
  retry_at: z.string().nullable(),
  /** What WhatsApp does not let the account do, until when if it told, and what to do. */
  restriction: z.object({ kind: Restriction, until: z.string().nullable(), message: z.string() }).nullable(),
  connected: z.boolean(),
  phone: z.string().nullable(),
  push_name: z.string().nullable(),
  linked_at: z.string().nullable(),
  sync_progress: z
    .number()
    .int()
    .min(0)
    .max(100)
    .nullable()
    .describe('Percent of the history that is stored; 100 when all of it is, null before a number was linked.'),
  sync_status: SyncStatus.nullable().describe(
    'waiting: the phone has sent nothing yet; importing; paused: it stopped before the end and may go on; complete; incomplete: some chunks failed. Null before a number was linked.',
  ),
  sync_messages: z.number().int().nonnegative().describe('Messages that the history brought.'),
  sync_chunks: z.number().int().nonnegative().describe('Chunks of history that the phone has announced.'),
  sync_chunks_stored: z.number().int().nonnegative(),
  sync_chunks_failed: z.number().int().nonnegative().describe('Chunks that could not be fetched or read.'),
})
export type Session = z.infer<typeof Session>
