import type { WAMessage, WASocket } from '@whiskeysockets/baileys'

/** A chat as WhatsApp's app state names it, with its newest message, which says up to where a change is meant. */
export interface ChatReference {
  /** JID. */
  chat: string
  /** `at` in epoch seconds. */
  last: { waId: string; fromMe: boolean; sender: string | null; at: number } | null
}

/** What of a chat is the account's own business, in step over its devices. Each resolves when WhatsApp's server has taken it. */
export interface ChatState {
  setArchived(chat: ChatReference, on: boolean): Promise<void>
  setPinned(chat: ChatReference, on: boolean): Promise<void>
  /** Epoch milliseconds, -1 for ever; null: no more. */
  setMuted(chat: ChatReference, until: number | null): Promise<void>
  /** Takes the mark by hand away, or sets it. */
  setRead(chat: ChatReference, on: boolean): Promise<void>
}

/** @see ChatState */
export function createChatState(socket: WASocket): ChatState {
  return {
    setArchived: (chat, on) => socket.chatModify({ archive: on, lastMessages: lastMessages(chat) }, chat.chat),
    setPinned: (chat, on) => socket.chatModify({ pin: on }, chat.chat),
    setMuted: (chat, until) => socket.chatModify({ mute: until }, chat.chat),
    setRead: (chat, on) => socket.chatModify({ markRead: on, lastMessages: lastMessages(chat) }, chat.chat),
  }
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
