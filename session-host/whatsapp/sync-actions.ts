import type { proto } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { InboundState } from '#shared/inbound.ts'

/** One app-state mutation, verified and decrypted: what it is about, and its value. */
export interface SyncAction {
  index: string[]
  value: proto.ISyncActionValue | null | undefined
}

/**
 * What an app-state mutation says of a chat or message; null for what is about neither. Pure.
 *
 * Read from the mutation and not from Baileys' events: those know no cleared chats, leave out what a chat is read or deleted up to, and
 * drop, after a first sync, everything about chats that are not in the same event buffer. Indexes as in chat-utils.js:384 and
 * whatsmeow's appstate package: [action, chat, message id, from me, participant].
 */
export function readSyncAction({ index, value }: SyncAction): InboundState | null {
  const [type, jid, id, fromMe] = index
  const chat = normalizeJid(jid)
  if (!chat || !value || !(isPersonJid(chat) || chat.endsWith('@g.us'))) return null
  const message = id && id.length <= 128 ? { waId: id, fromMe: fromMe === '1' } : null
  if (value.archiveChatAction) return { chat, kind: 'archive', on: value.archiveChatAction.archived === true }
  if (value.pinAction)
    return { chat, kind: 'pin', on: value.pinAction.pinned === true, at: inSeconds(value.timestamp) || nowInSeconds() }
  if (value.muteAction) return { chat, kind: 'mute', until: muteEnd(value.muteAction) }
  if (value.markChatAsReadAction)
    return {
      chat,
      kind: 'read',
      on: value.markChatAsReadAction.read === true,
      until: endOf(value.markChatAsReadAction.messageRange),
    }
  if (value.starAction && message) return { chat, kind: 'star', ...message, on: value.starAction.starred === true }
  if (value.deleteMessageForMeAction && message) return { chat, kind: 'delete-for-me', ...message }
  if (value.clearChatAction)
    return {
      chat,
      kind: 'clear',
      until: endOf(value.clearChatAction.messageRange),
      // The third part is 0 when starred messages stay.
      keepStarred: type === 'clearChat' && id === '0',
    }
  if (value.deleteChatAction) return { chat, kind: 'delete', until: endOf(value.deleteChatAction.messageRange) }
  return null
}

function muteEnd(action: proto.SyncActionValue.IMuteAction): number | null {
  if (!action.muted) return null
  const until = Number(action.muteEndTimestamp ?? -1)
  return until > 0 && Number.isSafeInteger(until) ? until : -1
}

/** The time of the newest message in a range, in epoch seconds. */
function endOf(range: proto.SyncActionValue.ISyncActionMessageRange | null | undefined): number | null {
  return inSeconds(range?.lastMessageTimestamp) || inSeconds(range?.lastSystemMessageTimestamp) || null
}

/** WhatsApp's times are in seconds, those of Baileys' own mutations in milliseconds. */
function inSeconds(time: proto.ISyncActionValue['timestamp']): number {
  const value = Number(time ?? 0)
  if (!Number.isFinite(value) || value <= 0) return 0
  return value > 100_000_000_000 ? Math.floor(value / 1000) : value
}

function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
