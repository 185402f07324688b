import type { proto } from '@whiskeysockets/baileys'
import type { MessageContent } from '#shared/content.ts'
import type { InboundMedia } from '#shared/inbound.ts'
import type { MessageType } from '#shared/message.ts'
import { readCards } from './content-cards.ts'
import { readChoice, readChoices } from './content-choices.ts'
import { readContext } from './content-context.ts'
import { readMedia } from './content-media.ts'
import { clip, isoTime, present } from './content-parts.ts'
import { readLiveLocation, readLocation } from './content-place.ts'
import { unwrap } from './content-wrapping.ts'

/** What a row of messages_new shows of a WhatsApp message. */
export interface Content {
  type: MessageType
  text: string | null
  /** WhatsApp's id of the message it answers. */
  replyTo?: string
  /** WhatsApp's name of a kind that is not represented. */
  unsupportedType?: string
  /** What it says beside its text. */
  content?: MessageContent
  media?: InboundMedia
  /** The WhatsApp message is needed later: for its medium, or for the votes of a poll. */
  keep?: true
}

/** Takes the envelope (view once, disappearing, document with caption …) off a message and says what it shows; null for nothing. Pure. */
export function readContent(message: proto.IMessage | null | undefined): Content | null {
  if (!message) return null
  const { content, viewOnce: wrapped } = unwrap(message)
  const kind = kindOf(content)
  if (kind === 'silent') return null
  const body = kind ? content[kind] : undefined
  const described = describe(content, kind)
  if (!described) return null
  const viewOnce = wrapped || (typeof body === 'object' && Reflect.get(body ?? {}, 'viewOnce') === true)
  const context = readContext(
    typeof body === 'object' ? (body as { contextInfo?: proto.IContextInfo | null } | null)?.contextInfo : undefined,
    (quoted) => {
      const shown = readContent(quoted)
      return { type: shown?.type ?? 'unsupported', text: shown?.content?.view_once ? null : (shown?.text ?? null) }
    },
  )
  return finish(described, context, viewOnce)
}

interface Described {
  type: MessageType
  text?: string | null | undefined
  content?: MessageContent
  media?: InboundMedia
  keep?: boolean
}

function finish(
  { type, text, content = {}, media, keep }: Described,
  context: { replyTo?: string; content: MessageContent },
  viewOnce: boolean,
): Content {
  const { replyTo } = context
  // A view-once message is for the phone's eyes: that there was one is all that is kept.
  const all = viewOnce ? { ...context.content, view_once: true as const } : { ...content, ...context.content }
  return {
    type,
    text: viewOnce ? null : text || null,
    ...(replyTo ? { replyTo } : {}),
    ...(all.unsupported ? { unsupportedType: all.unsupported.type } : {}),
    ...(Object.keys(all).length > 0 ? { content: all } : {}),
    ...(media && !viewOnce ? { media } : {}),
    ...(keep && !viewOnce ? { keep } : {}),
  }
}

/** Kinds that are no message of their own: keys, edits, receipts in disguise, votes, reactions, the announcement of an album. */
const silent: ReadonlySet<string> = new Set([
  'protocolMessage',
  'senderKeyDistributionMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
  'reactionMessage',
  'encReactionMessage',
  'pollUpdateMessage',
  'encEventResponseMessage',
  'keepInChatMessage',
  'pinInChatMessage',
  'albumMessage',
  'messageHistoryNotice',
  'messageContextInfo',
  'deviceSentMessage',
])

/** The field that says what a message is; undefined for one of which nothing is known, as of kinds that are newer than this program. */
function kindOf(content: proto.IMessage): keyof proto.IMessage | 'silent' | undefined {
  const fields = Object.entries(content).flatMap(([name, value]) => (value === null || value === undefined ? [] : name))
  const kind = fields.find((name) => !silent.has(name))
  return kind === undefined && fields.length > 0 ? 'silent' : (kind as keyof proto.IMessage | undefined)
}

function describe(content: proto.IMessage, kind: keyof proto.IMessage | undefined): Described | null {
  switch (kind) {
    case 'conversation':
      return { type: 'text', text: content.conversation }
    case 'extendedTextMessage':
      return { type: 'text', text: content.extendedTextMessage?.text, content: previewOf(content.extendedTextMessage) }
    case 'imageMessage':
    case 'videoMessage':
    case 'ptvMessage':
    case 'audioMessage':
    case 'documentMessage':
    case 'stickerMessage':
      return { ...readMedia(content, kind), keep: true }
    case 'locationMessage':
      return readLocation(content.locationMessage)
    case 'liveLocationMessage':
      return readLiveLocation(content.liveLocationMessage)
    case 'contactMessage':
      return readCards(content.contactMessage ? [content.contactMessage] : [])
    case 'contactsArrayMessage':
      return readCards(content.contactsArrayMessage?.contacts ?? [])
    case 'pollCreationMessage':
    case 'pollCreationMessageV2':
    case 'pollCreationMessageV3':
    case 'pollCreationMessageV5':
      return pollOf(content[kind])
    case 'eventMessage':
      return eventOf(content.eventMessage)
    case 'groupInviteMessage':
      return invitationOf(content.groupInviteMessage)
    case 'callLogMesssage':
      return callOf(content.callLogMesssage)
    case 'buttonsMessage':
    case 'listMessage':
    case 'templateMessage':
    case 'interactiveMessage':
      return readChoices(content, kind)
    case 'buttonsResponseMessage':
    case 'listResponseMessage':
    case 'templateButtonReplyMessage':
    case 'interactiveResponseMessage':
      return readChoice(content, kind)
    default:
      return { type: 'unsupported', content: { unsupported: { type: String(kind ?? 'unknown').slice(0, 64) } } }
  }
}

function previewOf(message: proto.Message.IExtendedTextMessage | null | undefined): MessageContent {
  const url = message?.matchedText
  if (!url || (!message.title && !message.description)) return {}
  const thumbnail = message.jpegThumbnail?.length ? Buffer.from(message.jpegThumbnail).toString('base64') : ''
  return {
    preview: {
      url: clip(url, 2048),
      ...present('title', message.title, 1024),
      ...present('description', message.description, 4096),
      ...(thumbnail && thumbnail.length <= 32_768 ? { thumbnail } : {}),
    },
  }
}

function pollOf(poll: proto.Message.IPollCreationMessage | null | undefined): Described {
  const options = (poll?.options ?? []).slice(0, 64).map((option) => clip(option.optionName ?? '', 256))
  const selectable = Math.min(64, Math.max(0, Math.trunc(poll?.selectableOptionsCount ?? 0)))
  return {
    type: 'poll',
    text: poll?.name,
    content: { poll: { name: clip(poll?.name ?? '', 1024), options, selectable } },
    keep: true,
  }
}

function eventOf(event: proto.Message.IEventMessage | null | undefined): Described {
  const place = [event?.location?.name, event?.location?.address].filter((part) => part).join(', ')
  return {
    type: 'text',
    text: event?.name,
    content: {
      event: {
        name: clip(event?.name ?? '', 1024),
        ...present('description', event?.description, 4096),
        ...present('starts_at', isoTime(event?.startTime), 40),
        ...present('ends_at', isoTime(event?.endTime), 40),
        ...present('place', place, 1024),
        ...(event?.isCanceled ? { cancelled: true } : {}),
      },
    },
  }
}

function invitationOf(invitation: proto.Message.IGroupInviteMessage | null | undefined): Described {
  return {
    type: 'text',
    text: invitation?.caption ?? invitation?.groupName,
    content: {
      group_invitation: {
        jid: clip(invitation?.groupJid ?? '', 128),
        code: clip(invitation?.inviteCode ?? '', 128),
        ...present('name', invitation?.groupName, 1024),
        ...present('expires_at', isoTime(invitation?.inviteExpiration), 40),
      },
    },
  }
}

/** A call in the phone's own list. Outcome 1 is missed (WAProto `CallLogMessage.CallOutcome`). */
function callOf(call: proto.Message.ICallLogMessage | null | undefined): Described {
  const video = call?.isVideo === true
  return { type: 'notice', content: { notice: { kind: call?.callOutcome === 1 ? 'missed_call' : 'call', video } } }
}
