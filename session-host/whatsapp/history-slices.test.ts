import { expect, test } from 'vitest'
import { proto } from '@whiskeysockets/baileys'
import { sliceHistory, type HistorySlice } from './history-slices.ts'

const self = { phone: '34600000001@s.whatsapp.net', lid: '200000000000001@lid' }
const pn = '34600000002@s.whatsapp.net'
const lid = '200000000000002@lid'
const group = '120363000000000001@g.us'
const { INITIAL_BOOTSTRAP, RECENT, PUSH_NAME } = proto.HistorySync.HistorySyncType

function said(chat: string, id: string, at: number, facts: object = {}): proto.IHistorySyncMsg {
  return {
    message: {
      key: { remoteJid: chat, id, fromMe: false },
      message: { conversation: id },
      messageTimestamp: at,
      ...facts,
    } as proto.IWebMessageInfo,
  }
}

function slices(history: proto.IHistorySync, position = 0, limits = { messages: 2, others: 2 }): HistorySlice[] {
  return [
    ...sliceHistory(proto.HistorySync.encode(proto.HistorySync.fromObject(history)).finish(), self, position, limits),
  ]
}

function all<T>(parts: HistorySlice[], pick: (slice: HistorySlice) => T[]): T[] {
  return parts.flatMap(pick)
}

test('a chunk comes in slices of bounded size, each conversation oldest first, and the last one is marked', () => {
  const conversations = ['1', '2', '3'].map((n) => ({
    id: `3460000001${n}@s.whatsapp.net`,
    messages: [3, 2, 1].map((at) => said(`3460000001${n}@s.whatsapp.net`, `${n}-${at}`, at)),
  }))
  const parts = slices({ syncType: RECENT, conversations })
  expect(parts.map(({ batch }) => batch.messages.map(({ waId }) => waId))).toEqual([
    ['1-1', '1-2'],
    ['1-3', '2-1'],
    ['2-2', '2-3'],
    ['3-1', '3-2'],
    ['3-3'],
  ])
  expect(parts.map(({ position }) => position)).toEqual([0, 1, 2, 2, 3])
  expect(parts.map(({ isLast }) => isLast)).toEqual([false, false, false, false, true])
})

test('an import that was interrupted goes on with the first conversation that is not complete', () => {
  const conversations = ['1', '2', '3'].map((n) => ({
    id: `3460000001${n}@s.whatsapp.net`,
    messages: [said(`3460000001${n}@s.whatsapp.net`, n, 1)],
  }))
  const parts = slices({ syncType: RECENT, conversations }, 2)
  expect(all(parts, ({ batch }) => batch.messages).map(({ waId }) => waId)).toEqual(['3'])
  expect(parts.at(-1)).toMatchObject({ position: 3, isLast: true })
})

test('the newest n incoming messages of a chat with n unread are unread, as the first chunk counts them', () => {
  const conversation = {
    id: lid,
    pnJid: pn,
    displayName: 'Bea Ruiz',
    unreadCount: 2,
    archived: true,
    conversationTimestamp: 5,
    endOfHistoryTransferType:
      proto.Conversation.EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    messages: [
      said(lid, 'e', 5),
      said(lid, 'd', 4, { key: { remoteJid: lid, id: 'd', fromMe: true }, status: 4 }),
      said(lid, 'c', 3),
      said(lid, 'b', 2),
    ],
  }
  const [initial] = slices({ syncType: INITIAL_BOOTSTRAP, conversations: [conversation] }, 0, {
    messages: 9,
    others: 9,
  })
  expect(initial?.batch.messages.map(({ waId, status, live }) => [waId, status, live])).toEqual([
    ['b', 'read', false],
    ['c', 'received', false],
    ['d', 'read', false],
    ['e', 'received', false],
  ])
  expect(initial?.batch.chats).toEqual([
    {
      jid: lid,
      alt: pn,
      name: 'Bea Ruiz',
      unread: 2,
      snapshotAt: 5,
      snapshotIds: ['e'],
      archived: true,
      historyComplete: true,
    },
  ])
  expect(initial?.pairs).toEqual([{ pn, lid }])
  const [later] = slices({ syncType: RECENT, conversations: [conversation] }, 0, { messages: 9, others: 9 })
  expect(later?.batch.messages.map(({ status }) => status)).toEqual(['read', 'read', 'read', 'read'])
})

test('names and pairs of people come first, and a chat known by one JID gets the other', () => {
  const parts = slices({
    syncType: INITIAL_BOOTSTRAP,
    conversations: [{ id: lid, messages: [said(lid, 'a', 1)] }],
    phoneNumberToLidMappings: [{ pnJid: pn, lidJid: lid }],
  })
  expect(parts[0]?.pairs).toEqual([{ pn, lid }])
  expect(all(parts, ({ batch }) => batch.chats)).toMatchObject([{ jid: lid, alt: pn }])
  const names = slices({
    syncType: PUSH_NAME,
    pushnames: [
      { id: pn, pushname: 'Bea' },
      { id: 'nobody', pushname: 'x' },
    ],
  })
  expect(all(names, ({ batch }) => batch.people)).toEqual([{ jid: pn, pushName: 'Bea' }])
})

test('a number that only receipts name is the LID’s', () => {
  const message = said(lid, 'a', 1, {
    key: { remoteJid: lid, id: 'a', fromMe: true },
    userReceipt: [{ userJid: pn, receiptTimestamp: 2 }],
  })
  const parts = slices({ syncType: RECENT, conversations: [{ id: lid, messages: [message] }] })
  expect(all(parts, ({ pairs }) => pairs)).toEqual([{ pn, lid }])
})

test('a group comes with its members, reactions and who has read what', () => {
  const conversation = {
    id: group,
    name: 'Familia',
    description: 'los de siempre',
    createdBy: pn,
    createdAt: 1_700_000_000,
    participant: [
      { userJid: lid, rank: 2 },
      { userJid: self.lid, rank: 0 },
    ],
    messages: [
      said(group, 'a', 10, {
        key: { remoteJid: group, id: 'a', fromMe: true },
        participant: self.lid,
        userReceipt: [{ userJid: lid, receiptTimestamp: 11, readTimestamp: 12 }],
        reactions: [
          {
            key: { remoteJid: group, id: 'r', fromMe: false, participant: lid },
            text: '👍',
            senderTimestampMs: 13_000,
          },
        ],
      }),
      said(group, 'b', 9, { participant: lid }),
    ],
  }
  const [slice] = slices({ syncType: RECENT, conversations: [conversation] }, 0, { messages: 9, others: 9 })
  expect(slice?.batch.messages).toMatchObject([
    { waId: 'b', sender: lid },
    { waId: 'a', fromMe: true },
  ])
  expect(slice?.batch.chats[0]?.group).toEqual({
    facts: { owner_jid: pn, description: 'los de siempre', created_on_whatsapp_at: '2023-11-14T22:13:20.000Z' },
    participants: [
      { jid: lid, role: 'superadmin' },
      { jid: self.lid, role: 'member' },
    ],
  })
  expect(slice?.batch.receipts.map(({ status, member }) => [status, member?.jid])).toEqual([
    ['delivered', lid],
    ['read', lid],
  ])
  expect(slice?.batch.changes).toMatchObject([{ kind: 'reaction', waId: 'a', fromMe: true, from: lid, emoji: '👍' }])
})

test('what happened to a group, and calls that nobody took, are notices among its messages', () => {
  const { StubType } = proto.WebMessageInfo
  const stub = (chat: string, id: string, type: number, parameters: string[], facts: object = {}) => ({
    message: {
      key: { remoteJid: chat, id, fromMe: false },
      messageTimestamp: Number(id),
      messageStubType: type,
      messageStubParameters: parameters,
      ...facts,
    },
  })
  const by = { participant: pn }
  const conversations = [
    {
      id: group,
      messages: [
        stub(group, '1', StubType.GROUP_CREATE, ['Familia'], by),
        stub(group, '2', StubType.GROUP_PARTICIPANT_ADD, [JSON.stringify({ id: lid, phoneNumber: pn })], by),
        stub(group, '3', StubType.GROUP_PARTICIPANT_ADD, [pn], by),
        stub(group, '4', StubType.GROUP_PARTICIPANT_REMOVE, [lid], {
          key: { remoteJid: group, id: '4', fromMe: true },
        }),
        stub(group, '5', StubType.GROUP_CHANGE_ANNOUNCE, ['on'], { participant: self.lid }),
        stub(group, '6', StubType.GROUP_PARTICIPANT_PROMOTE, ['nonsense', '{'], by),
        stub(group, '7', StubType.E2E_ENCRYPTED, [], by),
      ],
    },
    { id: lid, messages: [stub(lid, '8', StubType.CALL_MISSED_VIDEO, [])] },
  ]
  const [slice] = slices({ syncType: RECENT, conversations }, 0, { messages: 99, others: 9 })
  expect(slice?.batch.messages.map(({ waId, type, content }) => [waId, type, content?.notice])).toEqual([
    ['1', 'notice', { kind: 'group_created', value: 'Familia', by: pn }],
    ['2', 'notice', { kind: 'group_added', participants: [lid], by: pn }],
    ['3', 'notice', { kind: 'group_joined', participants: [pn], by: pn }],
    ['4', 'notice', { kind: 'group_removed', participants: [lid], by_me: true }],
    ['5', 'notice', { kind: 'group_only_admins_send', value: 'on', by_me: true }],
    ['8', 'notice', { kind: 'missed_call', video: true, by: lid }],
  ])
  expect(slice?.batch.messages.every(({ status, live }) => status === 'read' && !live)).toBe(true)
})

test('what is no conversation is left out, and bytes that are no history are refused', () => {
  const parts = slices({
    syncType: RECENT,
    conversations: [{ id: 'status@broadcast', messages: [said('status@broadcast', 's', 1)] }],
  })
  expect(all(parts, ({ batch }) => batch.messages)).toEqual([])
  expect(() => [...sliceHistory(Buffer.from('<html>no</html>'), self)]).toThrow('the chunk')
})
