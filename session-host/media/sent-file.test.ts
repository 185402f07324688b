import { describe, expect, it } from 'vitest'
import { sampleFile } from '../simulator/sample-media.ts'
import { fileKindOf } from './file-kind.ts'
import { safeName } from './safe-name.ts'
import { sentKindOf } from './sent-kind.ts'
import { readVoiceNote } from './voice-note.ts'

describe('names of files', () => {
  it.each([
    ['factura año.pdf', 'factura año.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\x.exe', 'x.exe'],
    ['foto\u202Egpj.exe', 'fotogpj.exe'],
    ['a\u0000b\nc.txt', 'abc.txt'],
    ['<script>.html', '_script_.html'],
    ['...', null],
    ['', null],
    [`${'x'.repeat(300)}.pdf`, `${'x'.repeat(251)}.pdf`],
  ])('%j is shown as %j', (given, shown) => expect(safeName(given)).toBe(shown))
})

describe('types of files', () => {
  it('come from the content, whatever is said', async () => {
    expect(await fileKindOf(sampleFile('image').file, 'text/html')).toEqual({
      mimeType: 'image/jpeg',
      extension: 'jpg',
    })
    expect(await fileKindOf(sampleFile('audio').file, null)).toMatchObject({ mimeType: 'audio/mp4' })
    expect(await fileKindOf(sampleFile('voice').file, null)).toMatchObject({ mimeType: 'audio/ogg' })
  })
  it('are never those that a browser would run', async () => {
    for (const type of ['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/javascript', 'nonsense', ''])
      expect(await fileKindOf(Buffer.from('<script>alert(1)</script>'), type)).toMatchObject({
        mimeType: 'application/octet-stream',
      })
    expect(await fileKindOf(Buffer.from('hola'), 'text/plain; charset=utf-8')).toEqual({
      mimeType: 'text/plain',
      extension: 'txt',
    })
  })
})

it('a file goes as what it is, as a document where a phone could not show it, and as what was asked only if it fits', () => {
  const file = (mimeType: string, sizeBytes = 1_000, caption: string | null = null) => ({
    mimeType,
    sizeBytes,
    caption,
  })
  expect(sentKindOf(null, file('image/png'))).toBe('image')
  expect(sentKindOf(null, file('image/png', 20_000_000))).toBe('document')
  expect(sentKindOf(null, file('image/heic'))).toBe('document')
  expect(sentKindOf(null, file('audio/mpeg'))).toBe('audio')
  expect(sentKindOf(null, file('audio/mpeg', 1_000, 'pie'))).toBe('document')
  expect(sentKindOf('document', file('image/png'))).toBe('document')
  expect(() => sentKindOf('voice', file('audio/mpeg'))).toThrow(
    expect.objectContaining({ code: 'media_type_not_allowed' }),
  )
  expect(() => sentKindOf('image', file('image/png', 20_000_000))).toThrow(
    expect.objectContaining({ code: 'media_too_large' }),
  )
})

it('length and shape of a voice note are read from its pages, and nothing from what is none', () => {
  const note = readVoiceNote(sampleFile('voice').file)
  expect(note?.seconds).toBe(5)
  expect(note?.waveform).toHaveLength(64)
  for (const none of [
    Buffer.alloc(0),
    Buffer.from('OggS'),
    sampleFile('image').file,
    sampleFile('voice').file.subarray(0, 30),
  ])
    expect(readVoiceNote(none)).toBeNull()
})
