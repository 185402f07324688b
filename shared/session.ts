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
  'outdated_client',
  'connection_lost',
  'server_unavailable',
  'bad_session',
])
export type SessionReason = z.infer<typeof SessionReason>

/**
 * The history of a linked number. waiting: the phone has not sent any yet; importing; paused: the phone stopped before the end and may
 * go on; complete; incomplete: all that came is in, but for chunks that could not be had.
 */
export const SyncStatus = z.enum(['waiting', 'importing', 'paused', 'complete', 'incomplete'])
export type SyncStatus = z.infer<typeof SyncStatus>

/** A user's session as the API shows it. Times are ISO 8601. */
export const Session = z.object({
  id: z.uuid().nullable(),
  status: SessionStatus,
  reason: z.string().nullable(),
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
