import type { proto, WAMessageKey, WASocket } from '@whiskeysockets/baileys'

export interface OutgoingText {
  /** JID to address. */
  to: string
  text: string
  waId: string
  quoted?: { waId: string; fromMe: boolean; text: string | null; sender: string | null }
}

/** What leaves in conversations. */
export interface Messaging {
  /** Hands the stanza to the socket. It is sent when onAck says so, not before. */
  sendText(message: OutgoingText): Promise<void>
  markRead(keys: { chat: string; waId: string; sender: string | null }[]): Promise<void>
  /** Tells a message's author that it was listened to, or looked at. */
  markPlayed(key: { chat: string; waId: string; sender: string | null }): Promise<void>
}

/** @see Messaging */
export function createMessaging(socket: WASocket): Messaging {
  return {
    async sendText({ to, text, waId, quoted }) {
      await socket.sendMessage(
        to,
        { text, linkPreview: null },
        { messageId: waId, ...(quoted ? { quoted: quotedMessage(to, quoted) } : {}) },
      )
    },
    async markPlayed({ chat, waId, sender }) {
      await socket.sendReceipt(chat, sender ?? undefined, [waId], 'played')
    },
    async markRead(keys) {
      await socket.readMessages(
        keys.map(({ chat, waId, sender }) => ({
          remoteJid: chat,
          id: waId,
          fromMe: false,
          ...(sender ? { participant: sender } : {}),
        })),
      )
    },
  }
}

/** What Baileys needs to quote: the key, and the text that the recipient sees. */
function quotedMessage(
  chat: string,
  quoted: NonNullable<OutgoingText['quoted']>,
): proto.IWebMessageInfo & { key: WAMessageKey } {
  return {
    key: {
      remoteJid: chat,
      id: quoted.waId,
      fromMe: quoted.fromMe,
      ...(quoted.sender ? { participant: quoted.sender } : {}),
    },
    message: { conversation: quoted.text ?? '' },
  }
}
