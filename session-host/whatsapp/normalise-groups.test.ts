import { proto, type BaileysEventMap, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { normalise } from './normalise.ts'

const self = { phone: '34600000001@s.whatsapp.net', lid: '200000000000001@lid' }
const pn = '34600000002@s.whatsapp.net'
const lid = '200000000000002@lid'
const group = '1203630000000-1500000000@g.us'

function reaction(key: Partial<WAMessage['key']>, content: proto.Message.IReactionMessage): Partial<BaileysEventMap> {
  const message = {
    key: { remoteJid: pn, fromMe: false, id: 'R1', ...key },
    message: { reactionMessage: content },
    messageTimestamp: 1_700_000_000,
  } as WAMessage
  return { 'messages.upsert': { messages: [message], type: 'notify' } }
}

test('a reaction is a change of the message that it is on, not a message, and taking it back is one too', () => {
  const on = { remoteJid: pn, fromMe: true, id: 'M1' }
  const batch = normalise(reaction({}, { key: on, text: '👍', senderTimestampMs: 1_700_000_000_123 }), self)
  expect(batch?.messages).toEqual([])
  expect(batch?.changes).toEqual([
    {
      chat: pn,
      waId: 'M1',
      fromMe: true,
      at: 1_700_000_000,
      kind: 'reaction',
      from: pn,
      emoji: '👍',
      atMs: 1_700_000_000_123,
      inboxKey: batch?.inbox[0],
    },
  ])
  expect(normalise(reaction({ fromMe: true }, { key: on, text: '' }), self)?.changes).toMatchObject([
    { kind: 'reaction', from: 'me', emoji: null, atMs: 1_700_000_000_000 },
  ])
})

test('in a group a reaction is its sender’s', () => {
  const on = { remoteJid: group, fromMe: false, id: 'M1', participant: pn }
  expect(
    normalise(reaction({ remoteJid: group, participant: lid }, { key: on, text: '❤️' }), self)?.changes,
  ).toMatchObject([{ chat: group, from: lid, emoji: '❤️', fromMe: false }])
})

test('what is no emoji is no reaction, and its inbox row is accounted for', () => {
  for (const text of ['x'.repeat(33), 'a\0']) {
    const batch = normalise(reaction({}, { key: { remoteJid: pn, id: 'M1' }, text }), self)
    expect(batch).toMatchObject({ changes: [], messages: [] })
    expect(batch?.inbox).toHaveLength(1)
  }
})

test('a group’s metadata become its facts and its participants, and pair their numbers with their LIDs', () => {
  const metadata: BaileysEventMap['groups.update'][number] = {
    id: group,
    subject: 'Vecinos',
    owner: pn,
    desc: 'Portal 3',
    creation: 1_600_000_000,
    announce: true,
    ephemeralDuration: 0,
    participants: [{ id: lid, phoneNumber: pn, admin: 'superadmin' }, { id: self.phone }],
  }
  const batch = normalise({ 'groups.update': [metadata] }, self)
  expect(batch?.chats).toEqual([
    {
      jid: group,
      name: 'Vecinos',
      disappearingSeconds: 0,
      group: {
        facts: {
          owner_jid: pn,
          description: 'Portal 3',
          created_on_whatsapp_at: '2020-09-13T12:26:40.000Z',
          only_admins_send: true,
          disappearing_seconds: null,
        },
        participants: [
          { jid: lid, role: 'superadmin' },
          { jid: self.phone, role: 'member' },
        ],
      },
    },
  ])
  expect(batch?.people).toEqual([{ jid: lid, alt: pn }])
})
