import { z } from 'zod'

/** What one's own presence may be: towards a conversation (typing, recording a voice note, neither), or towards everybody. */
export const OwnPresence = z.enum(['composing', 'recording', 'paused', 'watch', 'available', 'unavailable'])
export type OwnPresence = z.infer<typeof OwnPresence>

/**
 * Somebody is online, types or records, now: the socket's event `presence`, and the same on the user's Realtime topic. Never stored,
 * and lost when nobody listens. `available` also ends typing.
 */
export const Presence = z.object({
  sessionId: z.uuid(),
  conversationId: z.uuid(),
  externalId: z.string(),
  /** Who, in a group. */
  participant: z.string().nullable(),
  state: z.enum(['available', 'unavailable', 'composing', 'recording']),
  /** When they were last online, if they let it be known. */
  lastSeen: z.string().nullable(),
})
export type Presence = z.infer<typeof Presence>
