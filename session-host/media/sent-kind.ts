import type { OutgoingFile } from '../store/media-sends.ts'
import { MediaFailure } from './media-failure.ts'

export type SentKind = NonNullable<OutgoingFile['type']>

/** The types that phones play or show as such; anything else can go as a document. */
const accepted: Record<Exclude<SentKind, 'document'>, readonly string[]> = {
  image: ['image/jpeg', 'image/png', 'image/webp'],
  video: ['video/mp4', 'video/3gpp'],
  gif: ['video/mp4'],
  video_note: ['video/mp4'],
  audio: ['audio/mp4', 'audio/aac', 'audio/mpeg', 'audio/amr', 'audio/ogg'],
  voice: ['audio/ogg'],
  sticker: ['image/webp'],
}
/** Bytes that a phone takes as such; a document may be larger. */
const inlineLimit = 16 * 1024 * 1024
const limits: Partial<Record<SentKind, number>> = {
  image: inlineLimit,
  audio: inlineLimit,
  voice: inlineLimit,
  sticker: 1024 * 1024,
}

/**
 * What a file is sent as. What was asked for must fit: else it fails with media_type_not_allowed or media_too_large. What nobody
 * asked for is what the file is, and a document where a phone could not show it, or its caption.
 */
export function sentKindOf(
  asked: SentKind | null,
  file: { mimeType: string; sizeBytes: number; caption: string | null },
): SentKind {
  const { mimeType, sizeBytes, caption } = file
  if (asked !== null) {
    if (asked !== 'document' && !accepted[asked].includes(mimeType))
      throw new MediaFailure('media_type_not_allowed', mimeType)
    if (sizeBytes > (limits[asked] ?? Infinity)) throw new MediaFailure('media_too_large')
    return asked
  }
  const fits = (kind: 'image' | 'video' | 'audio'): boolean =>
    accepted[kind].includes(mimeType) && sizeBytes <= (limits[kind] ?? Infinity)
  if (mimeType !== 'image/webp' && fits('image')) return 'image'
  if (fits('video')) return 'video'
  if (fits('audio') && !caption) return 'audio'
  return 'document'
}
