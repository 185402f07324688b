import { jidNormalizedUser, type WASocket } from '@whiskeysockets/baileys'
import { normalizeJid, phoneOf } from '#shared/ids.ts'

/** Who is on WhatsApp, and under which JIDs. */
export interface Directory {
  /** The JIDs of a number on WhatsApp, or null when it isn't there. */
  lookUp(jid: string): Promise<{ jid: string; alt: string | undefined } | null>
  /** JIDs of everybody whom the account has blocked. */
  blocked(): Promise<string[]>
  /** Blocks or unblocks the person with these JIDs. False when WhatsApp has not told the number, which blocking takes. */
  setBlocked(jids: string[], blocked: boolean): Promise<boolean>
  /** Address of the small profile picture of a person or group; null when there is none, or none for this account. */
  pictureUrl(jid: string): Promise<string | null>
}

/** @see Directory */
export function createDirectory(socket: WASocket): Directory {
  return {
    async lookUp(jid) {
      if (jid.endsWith('@lid')) {
        const pn = await socket.signalRepository.lidMapping.getPNForLID(jid)
        return pn ? { jid, alt: normalizeJid(pn) ?? undefined } : { jid, alt: undefined }
      }
      const answer = await socket.onWhatsApp(jid)
      // A query that ran out of time resolves without one, which does not say that the number is unknown.
      if (!answer) throw new Error('WhatsApp did not answer')
      const [found] = answer
      if (!found?.exists) return null
      const lid = await socket.signalRepository.lidMapping.getLIDForPN(found.jid)
      return { jid: jidNormalizedUser(found.jid), alt: normalizeJid(lid) ?? undefined }
    },
    async blocked() {
      return (await socket.fetchBlocklist()).flatMap((jid) => normalizeJid(jid) ?? [])
    },
    async setBlocked(jids, blocked) {
      const { lidMapping } = socket.signalRepository
      const number = jids.find((jid) => phoneOf(jid) !== null)
      const lid = jids.find((jid) => jid.endsWith('@lid'))
      // Baileys takes one JID and looks the other up (chats.js updateBlockStatus); it throws when there is none.
      const jid = number && (await lidMapping.getLIDForPN(number)) ? number : lid
      if (jid === undefined) return false
      if (blocked && jid === lid && !(await lidMapping.getPNForLID(lid))) return false
      await socket.updateBlockStatus(jid, blocked ? 'block' : 'unblock')
      return true
    },
    async pictureUrl(jid) {
      try {
        return showable(await socket.profilePictureUrl(jid, 'preview'))
      } catch (error) {
        // 404: there is none; 401, 403: not for us.
        const code = (error as { data?: unknown }).data
        if (code === 404 || code === 401 || code === 403) return null
        throw error
      }
    },
  }
}

/** An address that a browser may load: encrypted, but for a WhatsApp on this machine. */
function showable(address: string | undefined): string | null {
  const url = address === undefined ? null : URL.parse(address)
  if (!url) return null
  return url.protocol === 'https:' || (url.protocol === 'http:' && url.hostname === '127.0.0.1') ? url.href : null
}
