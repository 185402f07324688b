import { proto, type WAMessage, type WASocket } from '@whiskeysockets/baileys'
import { createUploads } from './refused-upload.ts'

/** A chat as WhatsApp's app state names it, with its newest message, which says up to where a change is meant. */
export interface ChatReference {
  /** JID. */
  chat: string
  /** `at` in epoch seconds. */
  last: { waId: string; fromMe: boolean; sender: string | null; at: number } | null
}

/** A message in a chat (a JID); `at` in epoch seconds. */
export interface MessageReference {
  chat: string
  waId: string
  fromMe: boolean
  /** Who wrote it, in a group. */
  sender: string | null
  at: number
}

/** What of a chat is the account's own business, in step over its devices. Each resolves when WhatsApp's server has taken it. */
export interface ChatState {
  setArchived(chat: ChatReference, on: boolean): Promise<void>
  setPinned(chat: ChatReference, on: boolean): Promise<void>
  /** Epoch milliseconds, -1 for ever; null: no more. */
  setMuted(chat: ChatReference, until: number | null): Promise<void>
  /** Takes the mark by hand away, or sets it. */
  setRead(chat: ChatReference, on: boolean): Promise<void>
  setStarred(message: MessageReference, on: boolean): Promise<void>
  /** Takes it away on the account's devices. */
  deleteForMe(message: MessageReference): Promise<void>
}

/** @see ChatState */
export function createChatState(socket: WASocket): ChatState {
  const upload = createUploads(socket)
  const modify = (change: Parameters<WASocket['chatModify']>[0], { chat }: ChatReference): Promise<void> =>
    upload(() => socket.chatModify(change, chat))
  return {
    setArchived: (chat, on) => modify({ archive: on, lastMessages: lastMessages(chat) }, chat),
    setPinned: (chat, on) => modify({ pin: on }, chat),
    setMuted: (chat, until) => modify({ mute: until }, chat),
    setRead: (chat, on) => modify({ markRead: on, lastMessages: lastMessages(chat) }, chat),
    setStarred: (message, on) =>
      upload(() =>
        socket.appPatch({
          syncAction: { starAction: { starred: on } },
          index: indexOf('star', message),
          type: 'regular_low',
          apiVersion: 2,
          operation: proto.SyncdMutation.SyncdOperation.SET,
        }),
      ),
    deleteForMe: (message) =>
      upload(() =>
        socket.appPatch({
          syncAction: { deleteMessageForMeAction: { deleteMedia: true, messageTimestamp: message.at } },
          index: indexOf('deleteMessageForMe', message),
          type: 'regular_high',
          apiVersion: 3,
          operation: proto.SyncdMutation.SyncdOperation.SET,
        }),
      ),
  }
}

/** Baileys' own (chatModificationToAppPatch, Utils/chat-utils.js) leaves out who wrote what is not ours in a group: phones need it. */
function indexOf(action: string, { chat, waId, fromMe, sender }: MessageReference): string[] {
  return [action, chat, waId, fromMe ? '1' : '0', chat.endsWith('@g.us') && !fromMe && sender ? sender : '0']
}

function lastMessages({ chat, last }: ChatReference): Pick<WAMessage, 'key' | 'messageTimestamp'>[] {
  if (!last) return []
  const { waId, fromMe, sender, at } = last
  return [
    {
      key: { remoteJid: chat, id: waId, fromMe, ...(sender && !fromMe ? { participant: sender } : {}) },
      messageTimestamp: at,
    },
  ]
}
