import type { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { StateMutation } from './state-mutation.ts'
import { findPerson, seconds, type World } from './world.ts'
import { isGroupJid } from './group.ts'
import { addContact } from './person.ts'
import { chatWith, messageIn } from './phone-record.ts'
import type { Person } from './state.ts'

/** A setting that a person changes on the phone. */
export type SettingChange =
  | { action: 'archive' | 'pin' | 'mark_read' | 'lock'; on: boolean }
  /** `until` in milliseconds since 1970, -1 for ever. */
  | { action: 'mute'; on: boolean; until?: number | undefined }
  | { action: 'star'; id: string; fromMe: boolean; participant?: string | undefined; on: boolean }
  | { action: 'delete_for_me'; id: string; fromMe: boolean; participant?: string | undefined }
  | { action: 'clear_chat' | 'delete_chat' }
  | { action: 'contact'; name: string; lid?: string | undefined }
  | { action: 'push_name'; name: string }

/** The change as a mutation; indexes, collections and versions as clients use them (Baileys `chatModificationToAppPatch`). */
export function mutationFor(change: SettingChange, jid: string): StateMutation {
  const timestamp = seconds()
  const range = { lastMessageTimestamp: timestamp }
  const low = { collection: 'regular_low' } as const
  const high = { collection: 'regular_high' } as const
  switch (change.action) {
    case 'archive':
      return {
        ...low,
        index: ['archive', jid],
        apiVersion: 3,
        value: { timestamp, archiveChatAction: { archived: change.on, messageRange: range } },
      }
    case 'pin':
      return { ...low, index: ['pin_v1', jid], apiVersion: 5, value: { timestamp, pinAction: { pinned: change.on } } }
    case 'mark_read':
      return {
        ...low,
        index: ['markChatAsRead', jid],
        apiVersion: 3,
        value: { timestamp, markChatAsReadAction: { read: change.on, messageRange: range } },
      }
    case 'lock':
      return {
        ...low,
        index: ['lock', jid],
        apiVersion: 7,
        value: { timestamp, lockChatAction: { locked: change.on } },
      }
    case 'mute': {
      const muteEndTimestamp = change.until ?? -1
      const muteAction = change.on ? { muted: true, muteEndTimestamp } : { muted: false }
      return { ...high, index: ['mute', jid], apiVersion: 2, value: { timestamp, muteAction } }
    }
    case 'star': {
      const index = ['star', jid, change.id, change.fromMe ? '1' : '0', change.participant ?? '0']
      return { ...low, index, apiVersion: 2, value: { timestamp, starAction: { starred: change.on } } }
    }
    case 'delete_for_me': {
      const index = ['deleteMessageForMe', jid, change.id, change.fromMe ? '1' : '0', change.participant ?? '0']
      const deleteMessageForMeAction = { deleteMedia: false, messageTimestamp: timestamp }
      return { ...high, index, apiVersion: 3, value: { timestamp, deleteMessageForMeAction } }
    }
    case 'clear_chat':
      return {
        ...high,
        index: ['clearChat', jid, '1', '0'],
        apiVersion: 6,
        value: { timestamp, clearChatAction: { messageRange: range } },
      }
    case 'delete_chat':
      return {
        ...high,
        index: ['deleteChat', jid, '1'],
        apiVersion: 6,
        value: { timestamp, deleteChatAction: { messageRange: range } },
      }
    case 'contact': {
      const contactAction = { fullName: change.name, lidJid: change.lid ?? null, saveOnPrimaryAddressbook: true }
      return {
        collection: 'critical_unblock_low',
        index: ['contact', jid],
        apiVersion: 2,
        value: { timestamp, contactAction },
      }
    }
    case 'push_name':
      return {
        collection: 'critical_block',
        index: ['setting_pushName'],
        apiVersion: 1,
        value: { timestamp, pushNameSetting: { name: change.name } },
      }
  }
}

/** Puts a setting into effect on the phone, wherever it was made. */
export function applyAction(world: World, person: Person, index: string[], value: proto.ISyncActionValue): void {
  const [type = '', jid = '', id = '', fromMe] = index
  if (value.pushNameSetting?.name) person.name = value.pushNameSetting.name
  const other = isGroupJid(jid) ? jid : findPerson(world, jid)?.number
  world.events.publish('setting.changed', person.number, { setting: type, with: other ?? null })
  if (other === undefined) return
  if (value.contactAction) {
    const name = value.contactAction.fullName ?? value.contactAction.firstName
    if (name) addContact(world, person, { number: other, name })
    return
  }
  const chat = chatWith(person, other)
  if (value.archiveChatAction) chat.archived = value.archiveChatAction.archived ?? false
  if (value.pinAction) chat.pinned = value.pinAction.pinned ?? false
  if (value.muteAction)
    chat.mutedUntil = value.muteAction.muted ? Number(value.muteAction.muteEndTimestamp ?? -1) : null
  if (value.lockChatAction) chat.locked = value.lockChatAction.locked ?? false
  if (value.markChatAsReadAction) {
    chat.markedUnread = !value.markChatAsReadAction.read
    if (value.markChatAsReadAction.read) chat.unread = 0
  }
  const message = messageIn(chat, id, fromMe === '1')
  if (message && value.starAction) message.starred = value.starAction.starred ?? false
  if (message && value.deleteMessageForMeAction) chat.messages = chat.messages.filter((each) => each !== message)
  if (value.clearChatAction || value.deleteChatAction) {
    chat.messages = []
    chat.unread = 0
  }
  if (value.deleteChatAction) person.chats = person.chats.filter((each) => each !== chat)
}
