import type { ErrorCode } from '#shared/errors.ts'
import type { OutgoingRow } from '../store/outgoing.ts'
import type { CommandContext } from './command-context.ts'

const withFile = new Set<OutgoingRow['type']>(['image', 'video', 'audio', 'document', 'sticker'])

/**
 * What a message of ours refers to with its file, once that is at WhatsApp: uploaded now, or before. What was uploaded is kept, so a
 * message that is sent again is not uploaded again.
 */
export async function prepareFile(
  { id, type, proto }: OutgoingRow,
  { open, media }: Pick<CommandContext, 'open' | 'media'>,
): Promise<{ kind: 'ready'; proto: Uint8Array | null } | { kind: 'failed'; code: ErrorCode }> {
  if (proto || !withFile.has(type)) return { kind: 'ready', proto }
  if (!media) return { kind: 'failed', code: 'media_unavailable' }
  const made = await media.make(id, (file) => open.uploadFile(file))
  return made.kind === 'failed' ? made : { kind: 'ready', proto: made.kind === 'made' ? made.proto : null }
}
