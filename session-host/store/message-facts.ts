import { maxContentBytes, type MessageContent } from '#shared/content.ts'
import type { InboundMedia } from '#shared/inbound.ts'

/** A content as the column takes it: no NUL, and not more than fits; what is too large is left out, the largest part first. */
export function storableContent(content: MessageContent | undefined): MessageContent {
  if (!content) return {}
  let kept = withoutNul(content)
  while (sizeOf(kept) > maxContentBytes) {
    const [largest] = Object.entries(kept).toSorted(([, a], [, b]) => sizeOf(b) - sizeOf(a))[0] ?? []
    kept = Object.fromEntries(Object.entries(kept).filter(([name]) => name !== largest))
  }
  return kept
}

/** What an edit brings along with its text. */
export function editableContent(content: MessageContent | undefined): MessageContent {
  const { mentions, mentions_everyone, preview } = storableContent(content)
  return {
    ...(mentions ? { mentions } : {}),
    ...(mentions_everyone ? { mentions_everyone } : {}),
    ...(preview ? { preview } : {}),
  }
}

/** What is known of a medium, as private.store_messages takes it: named like the columns, each within the column's bounds or null. */
export function mediaFacts(media: InboundMedia | undefined): Record<string, unknown> | null {
  if (!media) return null
  const { mimeType, sizeBytes, sha256, durationSeconds, width, height, fileName, waveform } = media
  const mime = mimeType?.split(';')[0]?.trim().toLowerCase()
  const isSized = isWithin(width, 1, 65_535) && isWithin(height, 1, 65_535)
  return {
    status: 'pending',
    mime_type: mime && mime.length <= 127 && /^[a-z0-9][a-z0-9.+-]*\/[a-z0-9][a-z0-9.+-]*$/.test(mime) ? mime : null,
    size_bytes: isWithin(sizeBytes, 0, 2_147_483_648) ? Math.round(sizeBytes) : null,
    sha256: sha256 && /^[0-9a-f]{64}$/.test(sha256) ? sha256 : null,
    duration_seconds: isWithin(durationSeconds, 0, 864_000) ? durationSeconds : null,
    width: isSized ? Math.round(width) : null,
    height: isSized ? Math.round(height) : null,
    file_name: fileName?.replaceAll('\0', '').slice(0, 255) || null,
    waveform: waveform?.slice(0, 256).map((value) => Math.min(100, Math.max(0, Math.round(value)))) ?? null,
  }
}

function isWithin(value: number | undefined, low: number, high: number): value is number {
  return value !== undefined && Number.isFinite(value) && value >= low && value <= high
}

/** Bytes of the JSON as Postgres writes it: with a blank after every colon and comma. */
function sizeOf(value: unknown): number {
  const json = JSON.stringify(value)
  return Buffer.byteLength(json) + (json.match(/[:,]/g)?.length ?? 0)
}

function withoutNul(content: MessageContent): MessageContent {
  const json = JSON.stringify(content)
  // JSON writes NUL and half a surrogate pair as escapes, which Postgres takes in neither.
  if (!/\\u(0000|d[89a-f])/.test(json)) return content
  return JSON.parse(json, (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
  ) as MessageContent
}
