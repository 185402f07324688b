import { proto, type BaileysEventMap, type WAMessage } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { normalise, normaliseReplay } from './normalise.ts'

const self = { phone: '34600000001@s.whatsapp.net', lid: '200000000000001@lid' }
const pn = '34600000002@s.whatsapp.net'
const lid = '200000000000002@lid'
const group = '1203630000000-1500000000@g.us'
const { Type } = proto.Message.ProtocolMessage

interface Parts {
  key?: Partial<WAMessage['key']>
  message?: proto.IMessage
  rest?: Partial<WAMessage>
}

function message({ key = {}, message: content = { conversation: 'hola' }, rest = {} }: Parts = {}): WAMessage {
  return {
    key: { remoteJid: pn, fromMe: false, id: 'M1', ...key },
    message: content,
    messageTimestamp: 1_700_000_000,
    ...rest,
  } as WAMessage
}

const upsert = (...messages: WAMessage[]): Partial<BaileysEventMap> => ({
  'messages.upsert': { messages, type: 'notify' },
})
const only = (...messages: WAMessage[]) => normalise(upsert(...messages), self)

test('an incoming text names its chat, its other JID, its time and its inbox row', () => {
  const batch = only(
    message({ key: { remoteJid: '200000000000002:5@lid', remoteJidAlt: '34600000002:0@s.whatsapp.net' } }),
  )
  expect(batch?.messages).toEqual([
    {
      chat: lid,
      chatAlt: pn,
      waId: 'M1',
      fromMe: false,
      at: 1_700_000_000,
      type: 'text',
      text: 'hola',
      status: 'received',
      live: true,
      inboxKey: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  ])
  expect(batch?.inbox).toEqual([batch?.messages[0]?.inboxKey])
})

test.for([self.phone, self.lid, '34600000001:3@s.whatsapp.net'])(
  'an own message whose other JID is the account’s (%s) does not make the contact the account',
  (remoteJidAlt) => {
    const batch = only(message({ key: { remoteJid: pn, remoteJidAlt, fromMe: true } }))
    expect(batch?.messages[0]).toMatchObject({ chat: pn, fromMe: true, status: 'sent' })
    expect(batch?.messages[0]).not.toHaveProperty('chatAlt')
  },
)

test('a message to oneself keeps both of the account’s JIDs', () => {
  const batch = only(message({ key: { remoteJid: self.phone, remoteJidAlt: self.lid, fromMe: true } }))
  expect(batch?.messages[0]).toMatchObject({ chat: self.phone, chatAlt: self.lid })
})

test('in a group the sender is named, with the other JID, and only the sender’s name is theirs', () => {
  const batch = only(
    message({ key: { remoteJid: group, participant: lid, participantAlt: pn }, rest: { pushName: 'Bea' } }),
  )
  expect(batch?.messages[0]).toMatchObject({ chat: group, sender: lid, pushName: 'Bea' })
  expect(batch?.people).toEqual([{ jid: lid, alt: pn }])
})

test('status updates, broadcasts and channels make no conversation', () => {
  for (const remoteJid of ['status@broadcast', '123@broadcast', '123@newsletter', 'nonsense', ''])
    expect(only(message({ key: { remoteJid } }))?.messages ?? []).toEqual([])
})

test('a message that could not be decrypted is a placeholder', () => {
  const stub = message({ rest: { messageStubType: proto.WebMessageInfo.StubType.CIPHERTEXT, message: null } })
  expect(only(stub)?.messages[0]).toMatchObject({ type: 'unsupported', text: null, unsupportedType: 'ciphertext' })
})

test('an edit and a deletion are changes of the sender’s own message, not messages', () => {
  const key = { id: 'M0', fromMe: true, remoteJid: self.phone }
  const batch = only(
    message({
      message: { protocolMessage: { key, type: Type.MESSAGE_EDIT, editedMessage: { conversation: 'corregido' } } },
    }),
    message({ key: { id: 'M2' }, message: { protocolMessage: { key, type: Type.REVOKE } } }),
  )
  expect(batch?.messages).toEqual([])
  // `fromMe` is who sent the change, whatever the key inside it claims.
  expect(batch?.changes).toMatchObject([
    { kind: 'edit', text: 'corregido', waId: 'M0', fromMe: false, chat: pn },
    { kind: 'revoke', waId: 'M0', fromMe: false, chat: pn },
  ])
})

test('what speaks to the device is neither a message nor done when it is announced', () => {
  const notice = message({
    key: { remoteJid: self.phone, fromMe: true },
    message: { protocolMessage: { type: Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification: {} } },
  })
  expect(only(notice)).toBeNull()
})

test('a message that can’t be read is reported, keeps its inbox row and takes no other with it', () => {
  const bad = message({ key: { id: 'BAD' } })
  Object.defineProperty(bad, 'message', {
    get: () => {
      throw new TypeError('unreadable')
    },
  })
  const errors: unknown[] = []
  const batch = normaliseReplay(
    [
      { stanzaKey: 'k1', message: message({ key: { id: 'A' } }) },
      { stanzaKey: 'k2', message: bad },
      { stanzaKey: 'k3', message: message({ key: { id: 'C' } }) },
    ],
    self,
    (error) => errors.push(error),
  )
  expect(batch?.messages.map((each) => each.waId)).toEqual(['A', 'C'])
  expect(batch?.inbox).toEqual(['k1', 'k3'])
  expect(errors).toHaveLength(1)
})

test('an event that changes nothing is no batch', () => {
  expect(normalise({}, self)).toBeNull()
  expect(normalise({ 'presence.update': { id: pn, presences: {} } }, self)).toBeNull()
})
