import type { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { readContent } from './content.ts'

const shown: [proto.IMessage, object][] = [
  [{ conversation: 'hola' }, { type: 'text', text: 'hola' }],
  [
    { extendedTextMessage: { text: 'hola', contextInfo: { stanzaId: 'Q' } } },
    { type: 'text', text: 'hola', replyTo: 'Q' },
  ],
  [{ imageMessage: { caption: 'foto' } }, { type: 'image', text: 'foto' }],
  [{ imageMessage: {} }, { type: 'image', text: null }],
  [{ videoMessage: { caption: 'vídeo' } }, { type: 'video', text: 'vídeo' }],
  [{ ptvMessage: {} }, { type: 'video', text: null }],
  [{ audioMessage: {} }, { type: 'audio', text: null }],
  [{ documentMessage: { fileName: 'a.pdf' } }, { type: 'document', text: 'a.pdf' }],
  [
    { documentWithCaptionMessage: { message: { documentMessage: { caption: 'mira' } } } },
    { type: 'document', text: 'mira' },
  ],
  [{ stickerMessage: {} }, { type: 'sticker', text: null }],
  [{ locationMessage: { name: 'Plaza' } }, { type: 'location', text: 'Plaza' }],
  [{ contactMessage: { displayName: 'Bea' } }, { type: 'contact', text: 'Bea' }],
  [{ pollCreationMessageV3: { name: '¿Cuándo?' } }, { type: 'poll', text: '¿Cuándo?' }],
  [{ ephemeralMessage: { message: { conversation: 'se borra' } } }, { type: 'text', text: 'se borra' }],
  [{ viewOnceMessageV2: { message: { imageMessage: { caption: 'una vez' } } } }, { type: 'image', text: 'una vez' }],
  [{ groupInviteMessage: {} }, { type: 'unsupported', text: null, unsupportedType: 'groupInviteMessage' }],
]

test.for(shown)('%o is shown for what it is', ([message, content]) => {
  expect(readContent(message)).toEqual(content)
})

test.for([
  [null],
  [{}],
  [{ protocolMessage: {} }],
  [{ reactionMessage: { text: '👍' } }],
  [{ senderKeyDistributionMessage: {} }],
  [{ messageContextInfo: {} }],
] as [proto.IMessage | null][])('%o is no message of its own', ([message]) => {
  expect(readContent(message)).toBeNull()
})
