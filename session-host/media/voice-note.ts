/** What is seen of an Ogg/Opus file without decoding it. */
export interface VoiceNote {
  seconds: number
  /** 64 values from 0 to 100. */
  waveform: number[]
}

const bars = 64
/** Opus always counts at this rate in Ogg (RFC 7845, 4). */
const samplesPerSecond = 48_000

/**
 * Length and shape of a voice note, from its pages (RFC 3533, 6; RFC 7845): the length is the last granule position without the samples
 * to be skipped; the shape is the sizes of the packets, which Opus makes smaller the less there is to hear. That is no loudness, but what
 * can be had without a decoder. null for what is no Ogg/Opus. Pure.
 */
export function readVoiceNote(file: Buffer): VoiceNote | null {
  const packets: number[] = []
  let preSkip: number | null = null
  let granule = 0n
  let size = 0
  for (let at = 0; at + 27 <= file.length && file.toString('latin1', at, at + 4) === 'OggS';) {
    const segments = file.readUInt8(at + 26)
    const start = at + 27 + segments
    if (start > file.length) break
    const position = file.readBigInt64LE(at + 6)
    if (position > granule) granule = position
    let offset = start
    for (let segment = 0; segment < segments; segment++) {
      const length = file.readUInt8(at + 27 + segment)
      size += length
      offset += length
      // A packet ends with the first segment that is not full.
      if (length === 255) continue
      if (packets.length === 0 && file.toString('latin1', start, start + 8) === 'OpusHead' && start + 12 <= file.length)
        preSkip ??= file.readUInt16LE(start + 10)
      packets.push(size)
      size = 0
    }
    at = offset
  }
  if (preSkip === null) return null
  const samples = Math.max(Number(granule) - preSkip, 0)
  // The first two packets are the head and the tags.
  return { seconds: samples / samplesPerSecond, waveform: shapeOf(packets.slice(2)) }
}

function shapeOf(sizes: number[]): number[] {
  if (sizes.length === 0) return Array.from({ length: bars }, () => 0)
  const means = Array.from({ length: bars }, (_, bar) => {
    const from = Math.floor((bar * sizes.length) / bars)
    const part = sizes.slice(from, Math.max(from + 1, Math.floor(((bar + 1) * sizes.length) / bars)))
    return part.reduce((sum, each) => sum + each, 0) / part.length
  })
  const [least, most] = [Math.min(...means), Math.max(...means)]
  return means.map((mean) => (most === least ? 0 : Math.round((100 * (mean - least)) / (most - least))))
}
