import type { BaileysEventMap, WASocket } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { OwnPresence, Presence } from '#shared/presence.ts'

/** Somebody is online or types, as WhatsApp says. */
export interface SeenPresence {
  chat: string
  /** Who, in a group. */
  participant: string | null
  state: Presence['state']
  /** Epoch seconds; null when unknown. */
  lastSeen: number | null
}

export interface PresenceDisplay {
  /** Shows the account's presence, or asks for somebody's. `chat` is null for what is towards everybody. */
  showPresence(state: OwnPresence, chat: string | null): Promise<void>
}

/** @see PresenceDisplay */
export function createPresenceDisplay(socket: WASocket): PresenceDisplay {
  return {
    async showPresence(state, chat) {
      if (state === 'available' || state === 'unavailable') return socket.sendPresenceUpdate(state)
      if (chat === null) return
      await (state === 'watch' ? socket.presenceSubscribe(chat) : socket.sendPresenceUpdate(state, chat))
    },
  }
}

/** What Baileys told of people's presence; those it names in no known way are left out. Pure. */
export function readPresence({ id, presences }: BaileysEventMap['presence.update']): SeenPresence[] {
  const chat = normalizeJid(id)
  const isGroup = chat?.endsWith('@g.us') === true
  if (!chat || !(isGroup || isPersonJid(chat))) return []
  return Object.entries(presences).flatMap(([who, { lastKnownPresence, lastSeen }]) => {
    const participant = isGroup ? normalizeJid(who) : null
    // Baileys says available where somebody stopped typing.
    const state = lastKnownPresence === 'paused' ? 'available' : lastKnownPresence
    if (isGroup && !participant) return []
    return [{ chat, participant, state, lastSeen: lastSeen && Number.isSafeInteger(lastSeen) ? lastSeen : null }]
  })
}
