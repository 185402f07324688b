import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { MessageContent } from '#shared/content.ts'
import { readContent } from './content.ts'

const facts = { mimetype: 'audio/ogg; codecs=opus', fileLength: 10, seconds: 3, fileSha256: Buffer.alloc(32, 1) }
const sha256 = '01'.repeat(32)
const place = { degreesLatitude: 40.4, degreesLongitude: -3.7 }
const vcard = [
  'BEGIN:VCARD',
  'FN:Bea',
  'item1.TEL;waid=34600111222:+34 600 111 222',
  'PHOTO;ENCODING=b:',
  ' AAAA',
  'END:VCARD',
]

const shown: [proto.IMessage, object][] = [
  [{ conversation: 'hola *mundo*' }, { type: 'text', text: 'hola *mundo*' }],
  [
    {
      extendedTextMessage: {
        text: 'hola @34600111222',
        matchedText: 'https://example.com',
        title: '<b>Título</b>',
        contextInfo: {
          stanzaId: 'Q',
          participant: '34600111222:3@s.whatsapp.net',
          quotedMessage: { imageMessage: { caption: 'foto' } },
          mentionedJid: ['34600111222@s.whatsapp.net', 'nonsense'],
          isForwarded: true,
          forwardingScore: 5,
          expiration: 86_400,
        },
      },
    },
    {
      type: 'text',
      text: 'hola @34600111222',
      replyTo: 'Q',
      content: {
        preview: { url: 'https://example.com', title: '<b>Título</b>' },
        quote: { wa_id: 'Q', sender_jid: '34600111222@s.whatsapp.net', message_type: 'image', text: 'foto' },
        mentions: ['34600111222@s.whatsapp.net'],
        forwarded: 5,
        ephemeral_seconds: 86_400,
      },
    },
  ],
  [
    { extendedTextMessage: { text: 'a', contextInfo: { stanzaId: 'Q' } } },
    {
      type: 'text',
      text: 'a',
      replyTo: 'Q',
      content: { quote: { wa_id: 'Q', message_type: 'unsupported', text: null } },
    },
  ],
  [
    { imageMessage: { caption: 'foto', mimetype: 'image/jpeg', width: 4, height: 3 } },
    { type: 'image', text: 'foto', media: { mimeType: 'image/jpeg', width: 4, height: 3 }, keep: true },
  ],
  [{ imageMessage: {} }, { type: 'image', text: null, media: {}, keep: true }],
  [
    { videoMessage: { caption: 'vídeo', gifPlayback: true } },
    { type: 'video', text: 'vídeo', content: { gif: true }, media: {}, keep: true },
  ],
  [{ ptvMessage: {} }, { type: 'video', text: null, content: { video_note: true }, media: {}, keep: true }],
  [
    { audioMessage: { ...facts, ptt: true, waveform: Buffer.from([1, 100]) } },
    {
      type: 'audio',
      text: null,
      content: { voice_note: true },
      media: { mimeType: 'audio/ogg', sizeBytes: 10, durationSeconds: 3, sha256, waveform: [1, 100] },
      keep: true,
    },
  ],
  [
    { documentMessage: { fileName: 'a.pdf' } },
    { type: 'document', text: 'a.pdf', media: { fileName: 'a.pdf' }, keep: true },
  ],
  [
    { documentWithCaptionMessage: { message: { documentMessage: { caption: 'mira' } } } },
    { type: 'document', text: 'mira', media: {}, keep: true },
  ],
  [
    { stickerMessage: { isAnimated: true } },
    { type: 'sticker', text: null, content: { animated: true }, media: {}, keep: true },
  ],
  [
    { locationMessage: { ...place, name: 'Plaza', address: 'Calle 1' } },
    {
      type: 'location',
      text: 'Plaza, Calle 1',
      content: { location: { latitude: 40.4, longitude: -3.7, name: 'Plaza', address: 'Calle 1' } },
    },
  ],
  [{ locationMessage: { ...place, degreesLatitude: 91 } }, { type: 'location', text: null }],
  [
    { liveLocationMessage: { ...place, speedInMps: 1, sequenceNumber: 2 } },
    {
      type: 'location',
      text: null,
      content: { location: { latitude: 40.4, longitude: -3.7, live: { speed: 1, sequence: 2 } } },
    },
  ],
  [
    { contactMessage: { displayName: 'Bea', vcard: vcard.join('\r\n') } },
    {
      type: 'contact',
      text: 'Bea',
      content: {
        contacts: [{ name: 'Bea', vcard: [...vcard.slice(0, 3), 'END:VCARD'].join('\n'), phones: ['+34 600 111 222'] }],
      },
    },
  ],
  [
    { contactsArrayMessage: { contacts: [{ displayName: 'Bea' }, { displayName: 'Ana' }] } },
    {
      type: 'contact',
      text: 'Bea, Ana',
      content: {
        contacts: [
          { name: 'Bea', vcard: '', phones: [] },
          { name: 'Ana', vcard: '', phones: [] },
        ],
      },
    },
  ],
  [
    { pollCreationMessageV3: { name: '¿Cuándo?', options: [{ optionName: 'hoy' }], selectableOptionsCount: 1 } },
    {
      type: 'poll',
      text: '¿Cuándo?',
      content: { poll: { name: '¿Cuándo?', options: ['hoy'], selectable: 1 } },
      keep: true,
    },
  ],
  [{ ephemeralMessage: { message: { conversation: 'se borra' } } }, { type: 'text', text: 'se borra' }],
  [
    { viewOnceMessageV2: { message: { imageMessage: { caption: 'una vez', mimetype: 'image/jpeg' } } } },
    { type: 'image', text: null, content: { view_once: true } },
  ],
  [{ audioMessage: { viewOnce: true, ptt: true } }, { type: 'audio', text: null, content: { view_once: true } }],
  [
    {
      groupInviteMessage: { groupJid: '1@g.us', inviteCode: 'abc', groupName: 'Obra', inviteExpiration: 1_700_000_000 },
    },
    {
      type: 'text',
      text: 'Obra',
      content: {
        group_invitation: { jid: '1@g.us', code: 'abc', name: 'Obra', expires_at: '2023-11-14T22:13:20.000Z' },
      },
    },
  ],
  [
    { eventMessage: { name: 'Cena', startTime: 1_700_000_000, location: { name: 'Bar' } } },
    {
      type: 'text',
      text: 'Cena',
      content: { event: { name: 'Cena', starts_at: '2023-11-14T22:13:20.000Z', place: 'Bar' } },
    },
  ],
  [
    {
      listResponseMessage: { title: 'Dos', singleSelectReply: { selectedRowId: 'r2' }, contextInfo: { stanzaId: 'L' } },
    },
    {
      type: 'text',
      text: 'Dos',
      replyTo: 'L',
      content: {
        choice: { kind: 'list', id: 'r2', text: 'Dos' },
        quote: { wa_id: 'L', message_type: 'unsupported', text: null },
      },
    },
  ],
  [
    { buttonsMessage: { contentText: '¿Qué tal?', buttons: [{ buttonId: 'b', buttonText: { displayText: 'Bien' } }] } },
    { type: 'text', text: '¿Qué tal?', content: { choices: { options: [{ id: 'b', text: 'Bien' }] } } },
  ],
  [
    { interactiveResponseMessage: { body: { text: 'Sí' }, nativeFlowResponseMessage: { paramsJson: '{"id":"y"}' } } },
    { type: 'text', text: 'Sí', content: { choice: { kind: 'interactive', id: 'y', text: 'Sí' } } },
  ],
  [
    { callLogMesssage: { isVideo: true, callOutcome: 1 } },
    { type: 'notice', text: null, content: { notice: { kind: 'missed_call', video: true } } },
  ],
  [
    { orderMessage: {} },
    {
      type: 'unsupported',
      text: null,
      unsupportedType: 'orderMessage',
      content: { unsupported: { type: 'orderMessage' } },
    },
  ],
  // A kind that is newer than the library: its field is unknown, so nothing is left of it.
  [{}, { type: 'unsupported', text: null, unsupportedType: 'unknown', content: { unsupported: { type: 'unknown' } } }],
]

test('the small picture of a medium is kept when it is a JPEG and small, never that of one to be looked at once', () => {
  const jpeg = (bytes: number): Buffer => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(bytes)])
  const read = (jpegThumbnail: Uint8Array, more: object = {}) =>
    readContent({ imageMessage: { jpegThumbnail, ...more } })?.content?.thumbnail
  expect(read(jpeg(9))).toBe(jpeg(9).toString('base64'))
  expect(read(jpeg(30_000))).toBeUndefined()
  expect(read(Buffer.from('<script>'))).toBeUndefined()
  expect(read(jpeg(9), { viewOnce: true })).toBeUndefined()
})

test.for(shown)('%o is shown for what it is', ([message, expected]) => {
  const read = readContent(message)
  expect(read).toEqual(expected)
  expect(MessageContent.parse(read?.content ?? {})).toEqual(read?.content ?? {})
  // As it comes from the wire, with the library's own objects.
  const { media: _, ...decoded } =
    readContent(proto.Message.decode(proto.Message.encode(proto.Message.fromObject(message)).finish())) ?? {}
  const { media: __, ...facts } = { media: undefined, ...expected }
  expect(decoded).toEqual(facts)
})

test.for([
  [null],
  [{ protocolMessage: {} }],
  [{ reactionMessage: { text: '👍' } }],
  [{ senderKeyDistributionMessage: {} }],
  [{ pollUpdateMessage: {} }],
  [{ messageContextInfo: {} }],
] as [proto.IMessage | null][])('%o is no message of its own', ([message]) => {
  expect(readContent(message)).toBeNull()
})
