import type { proto } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'
import type { MessageContent } from '#shared/content.ts'
import type { MessageType } from '#shared/message.ts'
import { clip } from './content-parts.ts'

/** WhatsApp's timers are days; a year is more than any. Seconds. */
const longestTimer = 366 * 86_400

/** What a message's context says of it: what it answers, whom it mentions, whether it was forwarded, when it disappears. Pure. */
export function readContext(
  context: proto.IContextInfo | null | undefined,
  describe: (quoted: proto.IMessage) => { type: MessageType; text: string | null },
): { replyTo?: string; content: MessageContent } {
  if (!context) return { content: {} }
  const replyTo = context.stanzaId ? clip(context.stanzaId, 128) : undefined
  const mentions = (context.mentionedJid ?? []).flatMap((jid) => normalizeJid(jid) ?? []).slice(0, 1024)
  const score = Math.trunc(context.forwardingScore ?? 0)
  const forwarded = Math.max(score, context.isForwarded ? 1 : 0)
  const expiration = Math.trunc(context.expiration ?? 0)
  return {
    ...(replyTo ? { replyTo } : {}),
    content: {
      ...(replyTo ? { quote: quoteOf(replyTo, context, describe) } : {}),
      ...(mentions.length > 0 ? { mentions } : {}),
      ...(context.nonJidMentions ? { mentions_everyone: true } : {}),
      ...(forwarded > 0 ? { forwarded: Math.min(forwarded, 1000) } : {}),
      ...(expiration > 0 && expiration <= longestTimer ? { ephemeral_seconds: expiration } : {}),
    },
  }
}

function quoteOf(
  waId: string,
  context: proto.IContextInfo,
  describe: (quoted: proto.IMessage) => { type: MessageType; text: string | null },
): NonNullable<MessageContent['quote']> {
  const sender = normalizeJid(context.participant)
  const { type, text } = context.quotedMessage ? describe(context.quotedMessage) : { type: 'unsupported', text: null }
  return {
    wa_id: waId,
    ...(sender ? { sender_jid: sender } : {}),
    message_type: type,
    text: text === null ? null : clip(text, 1024),
  }
}
