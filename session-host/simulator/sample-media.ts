import type { MediaKind, MediaToSend } from './media-message.ts'

/** A small genuine file of each kind, for phones that are told to send one without being given any. */
export function sampleFile(kind: MediaKind): Omit<MediaToSend, 'kind'> {
  switch (kind) {
    case 'image':
      return { file: JPEG, mime: 'image/jpeg', width: 64, height: 48, thumbnail: JPEG }
    case 'sticker':
      return { file: WEBP, mime: 'image/webp', width: 32, height: 32 }
    case 'video':
    case 'gif':
    case 'ptv':
      return { file: film('isom'), mime: 'video/mp4', seconds: 3, width: 64, height: 48, thumbnail: JPEG }
    case 'audio':
      return { file: film('M4A '), mime: 'audio/mp4', seconds: 3 }
    case 'voice':
      return { file: voiceNote(), mime: 'audio/ogg; codecs=opus', seconds: 5, waveform: WAVEFORM }
    case 'document':
      return { file: PDF, mime: 'application/pdf', fileName: 'factura.pdf' }
    default:
      return kind satisfies never
  }
}

const JPEG = Buffer.from(
  '/9j/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8' +
    'fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAwAEADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xAAUEAEAAAAAAAAAAAAA' +
    'AAAAAAAA/8QAFgEBAQEAAAAAAAAAAAAAAAAAAAMF/8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAwDAQACEQMRAD8AmAgxwAAAAAAAAAAAAAAAAAAAAAH/2Q==',
  'base64',
)
const WEBP = Buffer.from(
  'UklGRkQAAABXRUJQVlA4IDgAAAAQAwCdASogACAAPxGCuVWsKKWjKAgBgCIJZQC90BbbDQAA/teV9cXNkDD/M34UfJ1CvteFkUAAAA==',
  'base64',
)
const PDF = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n')
/** As WhatsApp sends it: 64 values from 0 to 100. */
const WAVEFORM = Buffer.from(Array.from({ length: 64 }, (_, at) => Math.round(50 + 50 * Math.sin(at / 4))))

/** An ISO media file (ISO/IEC 14496-12) of three seconds without tracks. */
function film(brand: string): Buffer {
  const header = Buffer.alloc(100)
  header.writeUInt32BE(1000, 12)
  header.writeUInt32BE(3000, 16)
  header.writeUInt32BE(1, 96)
  return Buffer.concat([
    box(
      'ftyp',
      Buffer.concat([Buffer.from(brand), Buffer.from([0, 0, 2, 0]), Buffer.from(brand), Buffer.from('mp42')]),
    ),
    box('moov', box('mvhd', header)),
  ])
}

function box(type: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length + 8)
  return Buffer.concat([length, Buffer.from(type), content])
}

/** Five seconds of silence as Ogg/Opus (RFC 7845): the head, the tags, and a packet of 20 ms each. */
function voiceNote(): Buffer {
  const head = Buffer.concat([Buffer.from('OpusHead'), Buffer.from([1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0])])
  const tags = Buffer.concat([Buffer.from('OpusTags'), Buffer.from([4, 0, 0, 0]), Buffer.from('test'), Buffer.alloc(4)])
  const silence = Array.from({ length: 250 }, () => Buffer.from([0xf8, 0xff, 0xfe]))
  return Buffer.concat([page(0, 2, 0, [head]), page(1, 0, 0, [tags]), page(2, 4, 240_000, silence)])
}

/** One page of Ogg (RFC 3533) with packets of less than 255 bytes. */
function page(sequence: number, flags: number, granule: number, packets: Buffer[]): Buffer {
  const header = Buffer.alloc(27 + packets.length)
  header.write('OggS')
  header.writeUInt8(flags, 5)
  header.writeBigUInt64LE(BigInt(granule), 6)
  header.writeUInt32LE(1, 14)
  header.writeUInt32LE(sequence, 18)
  header.writeUInt8(packets.length, 26)
  for (const [at, packet] of packets.entries()) header.writeUInt8(packet.length, 27 + at)
  const whole = Buffer.concat([header, ...packets])
  whole.writeUInt32LE(oggChecksum(whole), 22)
  return whole
}

function oggChecksum(bytes: Buffer): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << 24
    for (let bit = 0; bit < 8; bit++) sum = (sum << 1) ^ (sum < 0 ? 0x04c1_1db7 : 0)
  }
  return sum >>> 0
}
