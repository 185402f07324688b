import { jidNormalizedUser, type WASocket } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'

/** Who is on WhatsApp, and under which JIDs. */
export interface Directory {
  /** The JIDs of a number on WhatsApp, or null when it isn't there. */
  lookUp(jid: string): Promise<{ jid: string; alt: string | undefined } | null>
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
  }
}
