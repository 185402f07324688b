import { randomBytes } from 'node:crypto'
import { getContentType, normalizeMessageContent, proto } from '@whiskeysockets/baileys'
import type { MessageContent } from '#shared/content.ts'
import type { MessageType } from '#shared/message.ts'
import type { Self } from './self.ts'

/** A message of ours as its row says it. */
export interface OutgoingContent {
  type: MessageType
  text: string | null
  content: MessageContent
  /** The message as it left before, or a file's as it was received; what is kept of it is sent again. */
  proto: Uint8Array | null
  quoted: QuotedContent | null
}

/** The message that one answers, as its row says it. */
export interface QuotedContent {
  waId: string
  fromMe: boolean
  /** Who wrote it, in a group. */
  sender: string | null
  type: MessageType
  text: string | null
}

/**
 * The WhatsApp message of a row. Null for a kind that can't be built from the row alone: a file that was never prepared. Pure, but for
 * the secret that a new message gets.
 */
export function buildMessage(outgoing: OutgoingContent, chat: string, self: Self): proto.IMessage | null {
  const message = outgoing.proto ? contentAlone(proto.Message.decode(outgoing.proto)) : bodyOf(outgoing)
  if (!message) return null
  const kind = Object.keys(message).find((name) => name !== 'messageContextInfo') as keyof proto.IMessage
  const body = message[kind]
  if (outgoing.proto) recaption(message, outgoing.text)
  // What a forwarded file said of where it came from does not go along.
  if (typeof body === 'object' && body !== null)
    Object.assign(body, { contextInfo: contextOf(outgoing, chat, self) ?? undefined })
  const secret = outgoing.type === 'poll' ? message.messageContextInfo?.messageSecret : null
  message.messageContextInfo = { messageSecret: secret?.length ? secret : randomBytes(32) }
  return message
}

/**
 * A kept message without what travelled beside and around its content. The first message of a group's member brings that member's key of
 * the group along: sent on, it would give the key away, and take the place of the account's own for whoever is in that group.
 */
export function contentAlone(kept: proto.IMessage): proto.IMessage | null {
  const content = normalizeMessageContent(kept)
  const kind = getContentType(content)
  const { messageContextInfo } = kept
  return content && kind ? { [kind]: content[kind], ...(messageContextInfo ? { messageContextInfo } : {}) } : null
}

/**
 * Gives a kept file the caption of its row, which may have been edited since. A document without one is shown by its name: that is no
 * caption.
 */
export function recaption(message: proto.IMessage, text: string | null): void {
  const { imageMessage, videoMessage, documentMessage } = message
  const captioned = imageMessage ?? videoMessage ?? documentMessage
  const shown = captioned?.caption || documentMessage?.fileName || null
  if (captioned && text !== shown) captioned.caption = text
}

/** The message as its recipients see it quoted; texts and captions, no files. */
export function quotedBody({ type, text }: Pick<QuotedContent, 'type' | 'text'>): proto.IMessage {
  const caption = text === null ? {} : { caption: text }
  switch (type) {
    case 'image':
      return { imageMessage: caption }
    case 'video':
      return { videoMessage: caption }
    case 'document':
      return { documentMessage: caption }
    case 'audio':
      return { audioMessage: {} }
    case 'sticker':
      return { stickerMessage: {} }
    case 'location':
      return { locationMessage: { name: text ?? '' } }
    case 'contact':
      return { contactMessage: { displayName: text ?? '' } }
    case 'poll':
      return { pollCreationMessage: { name: text ?? '' } }
    case 'text':
    case 'reaction':
    case 'notice':
    case 'unsupported':
      return { conversation: text ?? '' }
    default:
      return type satisfies never
  }
}

function bodyOf({ type, text, content }: OutgoingContent): proto.IMessage | null {
  const { location, contacts, poll, preview } = content
  switch (type) {
    case 'text':
      return {
        extendedTextMessage: {
          text: text ?? '',
          ...(preview
            ? {
                matchedText: preview.url,
                title: preview.title ?? null,
                description: preview.description ?? null,
                previewType: proto.Message.ExtendedTextMessage.PreviewType.NONE,
                ...(preview.thumbnail ? { jpegThumbnail: Buffer.from(preview.thumbnail, 'base64') } : {}),
              }
            : {}),
        },
      }
    case 'location':
      return location
        ? {
            locationMessage: {
              degreesLatitude: location.latitude,
              degreesLongitude: location.longitude,
              ...(location.name ? { name: location.name } : {}),
              ...(location.address ? { address: location.address } : {}),
            },
          }
        : null
    case 'contact': {
      const cards = (contacts ?? []).map(({ name, vcard }) => ({ displayName: name, vcard }))
      const [only] = cards
      if (!only) return null
      return cards.length === 1
        ? { contactMessage: only }
        : { contactsArrayMessage: { displayName: `${cards.length} contacts`, contacts: cards } }
    }
    case 'poll':
      return poll ? pollOf(poll) : null
    default:
      return null
  }
}

/** Version 3 is for polls with one choice (Baileys Utils/messages.js generateWAMessageContent). */
function pollOf({ name, options, selectable }: NonNullable<MessageContent['poll']>): proto.IMessage {
  const poll = {
    name,
    options: options.map((optionName) => ({ optionName })),
    selectableOptionsCount: selectable,
  }
  return selectable === 1 ? { pollCreationMessageV3: poll } : { pollCreationMessage: poll }
}

function contextOf({ content, quoted }: OutgoingContent, chat: string, self: Self): proto.IContextInfo | null {
  const { mentions, mentions_everyone, forwarded, ephemeral_seconds } = content
  const context: proto.IContextInfo = {
    ...(quoted
      ? {
          stanzaId: quoted.waId,
          participant: quoted.fromMe ? ownJid(chat, self) : (quoted.sender ?? chat),
          quotedMessage: quotedBody(quoted),
        }
      : {}),
    ...(mentions ? { mentionedJid: mentions } : {}),
    ...(mentions_everyone ? { nonJidMentions: 1 } : {}),
    ...(forwarded ? { isForwarded: true, forwardingScore: forwarded } : {}),
    ...(ephemeral_seconds ? { expiration: ephemeral_seconds } : {}),
  }
  return Object.keys(context).length > 0 ? context : null
}

/** How the account is named in a chat: in the form that the chat is addressed by. */
export function ownJid(chat: string, self: Self): string {
  return chat.endsWith('@lid') && self.lid ? self.lid : self.phone
}
