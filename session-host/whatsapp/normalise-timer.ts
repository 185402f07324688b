import { normalizeMessageContent, proto, type WAMessage } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'
import type { InboundChat } from '#shared/inbound.ts'
import type { Content } from './content.ts'

/** A chat's timer for disappearing messages was set: the chat's new value, and the notice that says so. Pure. */
export function readTimer(message: WAMessage, chat: string): { chat: InboundChat; notice: Content } | null {
  const protocol = normalizeMessageContent(message.message)?.protocolMessage
  if (protocol?.type !== proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING) return null
  const seconds = Math.max(0, Math.trunc(protocol.ephemeralExpiration ?? 0))
  const by = message.key.fromMe
    ? null
    : normalizeJid(chat.endsWith('@g.us') ? message.key.participant : message.key.remoteJid)
  return {
    chat: { jid: chat, disappearingSeconds: seconds },
    notice: {
      type: 'notice',
      text: null,
      content: {
        notice: { kind: 'disappearing', seconds, ...(message.key.fromMe ? { by_me: true } : by ? { by } : {}) },
      },
    },
  }
}
