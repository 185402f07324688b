import { processSyncAction, proto, type BaileysEventEmitter } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { baileysLogger } from './logger.ts'
import { readSyncAction, type SyncAction } from './sync-actions.ts'

const jid = '34600000002@s.whatsapp.net'
const chat = jid
const time = 1_700_000_000
const range = { messageRange: { lastMessageTimestamp: time } }
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

test('every mutation that Baileys has verified is seen as it is, also one that it makes no event of', () => {
  const seen: SyncAction[] = []
  const index = ['clearChat', jid, '1', '0']
  const value = proto.SyncActionValue.create({ clearChatAction: range })
  const ev = { emit: () => true } as unknown as BaileysEventEmitter
  const logger = baileysLogger(quiet, (each) => seen.push(each))
  processSyncAction({ syncAction: { value }, index }, ev, { id: jid }, undefined, logger)
  expect(seen).toEqual([{ index, value }])
})

test.for([
  [['archive', jid], { archiveChatAction: { archived: true } }, { kind: 'archive', on: true }],
  [['pin_v1', jid], { timestamp: time * 1000, pinAction: { pinned: true } }, { kind: 'pin', on: true, at: time }],
  [['pin_v1', jid], { timestamp: time, pinAction: { pinned: false } }, { kind: 'pin', on: false, at: time }],
  [['mute', jid], { muteAction: { muted: true, muteEndTimestamp: -1 } }, { kind: 'mute', until: -1 }],
  [['mute', jid], { muteAction: { muted: true, muteEndTimestamp: 2e12 } }, { kind: 'mute', until: 2e12 }],
  [['mute', jid], { muteAction: { muted: false } }, { kind: 'mute', until: null }],
  [
    ['markChatAsRead', jid],
    { markChatAsReadAction: { read: true, ...range } },
    { kind: 'read', on: true, until: time },
  ],
  [['markChatAsRead', jid], { markChatAsReadAction: { read: false } }, { kind: 'read', on: false, until: null }],
  [
    ['star', jid, 'M1', '1', '0'],
    { starAction: { starred: true } },
    { kind: 'star', waId: 'M1', fromMe: true, on: true },
  ],
  [
    ['deleteMessageForMe', jid, 'M1', '0', '0'],
    { deleteMessageForMeAction: {} },
    { kind: 'delete-for-me', waId: 'M1', fromMe: false },
  ],
  [['clearChat', jid, '0', '0'], { clearChatAction: range }, { kind: 'clear', until: time, keepStarred: true }],
  [['clearChat', jid, '1', '0'], { clearChatAction: range }, { kind: 'clear', until: time, keepStarred: false }],
  [['deleteChat', jid, '1'], { deleteChatAction: range }, { kind: 'delete', until: time }],
] as const)('%j says what was set', ([index, value, state]) => {
  expect(readSyncAction({ index: [...index], value })).toEqual({ chat, ...state })
})

test('what is about no chat, names no message or says nothing is left out', () => {
  for (const index of [
    ['setting_pushName'],
    ['archive', 'nonsense'],
    ['star', jid],
    ['star', jid, 'x'.repeat(200), '1'],
  ])
    expect(readSyncAction({ index, value: { starAction: { starred: true } } })).toBeNull()
  expect(readSyncAction({ index: ['archive', jid], value: null })).toBeNull()
  expect(readSyncAction({ index: ['archive', 'status@broadcast'], value: { archiveChatAction: {} } })).toBeNull()
})
