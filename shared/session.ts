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

/** A user's session as the API shows it. Times are ISO 8601. */
export const Session = z.object({
  id: z.uuid().nullable(),
  status: SessionStatus,
  reason: z.string().nullable(),
  connected: z.boolean(),
  phone: z.string().nullable(),
  push_name: z.string().nullable(),
  linked_at: z.string().nullable(),
  sync_progress: z.number().int().min(0).max(100).nullable(),
})
export type Session = z.infer<typeof Session>
