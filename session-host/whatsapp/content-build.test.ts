import { proto } from '@whiskeysockets/baileys'
import { describe, expect, test } from 'vitest'
import { buildMessage } from './content-build.ts'

const self = { phone: '5491100000001@s.whatsapp.net', lid: '1001@lid' }
const picture = {
  caption: 'sunset',
  mediaKey: Buffer.alloc(32, 1),
  directPath: '/v/t62/1',
  contextInfo: { stanzaId: 'A1', participant: '1002@lid', quotedMessage: { conversation: 'said in the other group' } },
}

function forward(received: proto.IMessage): proto.Message {
  const kept = proto.Message.encode(received).finish()
  const outgoing = { type: 'image' as const, text: 'sunset', content: { forwarded: 1 }, proto: kept, quoted: null }
  const built = buildMessage(outgoing, '1003@lid', self)
  // As it travels.
  return proto.Message.decode(proto.Message.encode(built ?? {}).finish())
}

describe('a forwarded file', () => {
  test.each([
    [
      'first of a member in a group',
      {
        senderKeyDistributionMessage: { groupId: '1@g.us', axolotlSenderKeyDistributionMessage: Buffer.from('secret') },
        imageMessage: picture,
      },
    ],
    ['in a chat whose messages disappear', { ephemeralMessage: { message: { imageMessage: picture } } }],
    ['alone', { imageMessage: picture }],
  ])('takes nothing along from where it came, %s', (_, received) => {
    const sent = forward(received)
    expect(Object.keys(sent).toSorted()).toEqual(['imageMessage', 'messageContextInfo'])
    expect(sent.imageMessage?.caption).toBe('sunset')
    expect(sent.imageMessage?.directPath).toBe(picture.directPath)
    expect(sent.imageMessage?.contextInfo?.quotedMessage ?? null).toBeNull()
    expect(sent.imageMessage?.contextInfo?.isForwarded).toBe(true)
  })
})
