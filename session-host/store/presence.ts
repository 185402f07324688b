import { z } from 'zod'
import { OwnPresence, Presence } from '#shared/presence.ts'
import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'

/** A user showed a presence: the host that runs the session tells WhatsApp. */
export const ownPresenceChannel = 'own_presence'
/** Somebody is online or types: hosts tell the user's sockets. */
export const presenceChannel = 'presence'

const Wanted = z.object({ session_id: z.uuid(), state: OwnPresence, chat: z.string().nullable() })
const Told = z.object({ user_id: z.uuid(), presence: Presence })

/** The notification's content, or null for one of a newer host. */
export function readOwnPresence(payload: string): z.infer<typeof Wanted> | null {
  return parse(Wanted, payload)
}

/** The notification's content, or null for one of a newer host. */
export function readToldPresence(payload: string): z.infer<typeof Told> | null {
  return parse(Told, payload)
}

/** Tells whoever listens for the session's owner. Nothing is stored, so no lease is asked for. */
export function presenceTeller(
  database: Database,
  lease: Lease,
): (seen: { chat: string; participant: string | null; state: string; lastSeen: number | null }) => Promise<void> {
  return async ({ chat, participant, state, lastSeen }) => {
    await database.query('select private.tell_presence($1, $2, $3, $4, to_timestamp($5))', [
      lease.sessionId,
      chat,
      participant,
      state,
      lastSeen,
    ])
  }
}

function parse<T>(schema: z.ZodType<T>, payload: string): T | null {
  try {
    return schema.safeParse(JSON.parse(payload)).data ?? null
  } catch {
    return null
  }
}
