import { expect, test } from 'vitest'
import { readReceipts } from './receipts.ts'

const self = { phone: '34600000001@s.whatsapp.net', lid: '200000000000001@lid' }
const bea = '34600000002@s.whatsapp.net'
const group = '1203630000000-1500000000@g.us'
const receipt = (attrs: Record<string, string>, more: string[] = []) =>
  readReceipts(
    {
      tag: 'receipt',
      attrs: { id: 'M1', t: '1700000000', ...attrs },
      ...(more.length > 0 && {
        content: [{ tag: 'list', attrs: {}, content: more.map((id) => ({ tag: 'item', attrs: { id } })) }],
      }),
    },
    self,
  )

test.for([
  [undefined, 'delivered'],
  ['inactive', 'delivered'],
  ['read', 'read'],
  ['played', 'played'],
] as const)('a receipt of type %s from a contact says %s of our messages, of each that it lists', ([type, status]) => {
  expect(receipt({ from: '34600000002:7@s.whatsapp.net', ...(type && { type }) }, ['M2'])).toEqual([
    { chat: bea, waId: 'M1', fromMe: true, status },
    { chat: bea, waId: 'M2', fromMe: true, status },
  ])
})

test('in a group every member counts, with the time', () => {
  expect(receipt({ from: group, participant: '200000000000002:3@lid', type: 'read' })).toEqual([
    {
      chat: group,
      waId: 'M1',
      fromMe: true,
      status: 'read',
      member: { jid: '200000000000002@lid', at: 1_700_000_000 },
    },
  ])
})

test('what the account has read on another device is others’ messages', () => {
  const read = [{ chat: bea, waId: 'M1', fromMe: false, status: 'read' }]
  for (const from of [self.phone, self.lid, '34600000001:4@s.whatsapp.net'])
    for (const type of ['read', 'read-self']) expect(receipt({ from, recipient: bea, type })).toEqual(read)
  const inGroup = [{ ...read[0], chat: group }]
  expect(receipt({ from: group, participant: self.lid, recipient: bea, type: 'read-self' })).toEqual(inGroup)
  expect(receipt({ from: group, participant: bea, type: 'read-self' })).toEqual(inGroup)
  expect(receipt({ from: self.phone, recipient: bea, type: 'played-self' })).toEqual([{ ...read[0], status: 'played' }])
})

test('an own device that got an own message proves that the server has it; a contact can’t say so', () => {
  expect(receipt({ from: self.phone, recipient: bea, type: 'sender' })).toEqual([
    { chat: bea, waId: 'M1', fromMe: true, status: 'sent' },
  ])
  expect(receipt({ from: bea, type: 'sender' })).toEqual([])
  expect(receipt({ from: self.phone, recipient: bea })).toEqual([])
})

test.for(['retry', 'peer_msg', 'hist_sync', 'server-error', 'nonsense'])('%s says nothing of a message', (type) => {
  expect(receipt({ from: bea, type })).toEqual([])
})

test('what is no chat, no id or no member is left out', () => {
  expect(receipt({ from: 'status@broadcast', participant: bea })).toEqual([])
  expect(receipt({ from: 's.whatsapp.net' })).toEqual([])
  expect(receipt({ from: group })).toEqual([])
  expect(receipt({ from: bea, id: '' }, ['', 'x'.repeat(200), 'M3'])).toEqual([
    { chat: bea, waId: 'M3', fromMe: true, status: 'delivered' },
  ])
})
