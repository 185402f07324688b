import { getContentType, normalizeMessageContent, type proto } from '@whiskeysockets/baileys'
import type { MessageType } from '#shared/message.ts'

/** What a row of messages_new shows of a WhatsApp message. */
export interface Content {
  type: MessageType
  text: string | null
  /** WhatsApp's id of the message it answers. */
  replyTo?: string
  /** WhatsApp's name of a kind that is not represented. */
  unsupportedType?: string
}

/** Kinds that are no message of their own: keys, edits, receipts in disguise, votes, reactions. */
const silent = new Set([
  'protocolMessage',
  'senderKeyDistributionMessage',
  'reactionMessage',
  'encReactionMessage',
  'pollUpdateMessage',
  'keepInChatMessage',
  'pinInChatMessage',
  'messageContextInfo',
  'deviceSentMessage',
])

/** Takes the envelope (view once, disappearing, document with caption …) off a message and says what it shows; null for nothing. Pure. */
export function readContent(message: proto.IMessage | null | undefined): Content | null {
  const content = normalizeMessageContent(message)
  const kind = getContentType(content)
  if (!content || !kind || silent.has(kind)) return null
  const body = content[kind] as { contextInfo?: proto.IContextInfo | null } | string | null | undefined
  const replyTo = typeof body === 'object' ? body?.contextInfo?.stanzaId : undefined
  return { ...describe(content, kind), ...(replyTo ? { replyTo } : {}) }
}

function describe(content: proto.IMessage, kind: keyof proto.IMessage): Content {
  if (typeof content.conversation === 'string' && kind === 'conversation') return text('text', content.conversation)
  if (content.extendedTextMessage) return text('text', content.extendedTextMessage.text)
  if (content.imageMessage) return text('image', content.imageMessage.caption)
  if (content.videoMessage) return text('video', content.videoMessage.caption)
  if (content.ptvMessage) return text('video', content.ptvMessage.caption)
  if (content.audioMessage) return text('audio', null)
  if (content.documentMessage)
    return text('document', content.documentMessage.caption ?? content.documentMessage.fileName)
  if (content.stickerMessage) return text('sticker', null)
  if (content.locationMessage)
    return text('location', content.locationMessage.name ?? content.locationMessage.address ?? null)
  if (content.liveLocationMessage) return text('location', content.liveLocationMessage.caption)
  if (content.contactMessage) return text('contact', content.contactMessage.displayName)
  if (content.contactsArrayMessage) return text('contact', content.contactsArrayMessage.displayName)
  const poll = content.pollCreationMessage ?? content.pollCreationMessageV2 ?? content.pollCreationMessageV3
  if (poll) return text('poll', poll.name)
  return { type: 'unsupported', text: null, unsupportedType: String(kind).slice(0, 64) }
}

function text(type: MessageType, value: string | null | undefined): Content {
  return { type, text: value ?? null }
}
