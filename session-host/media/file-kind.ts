import { fileTypeFromBuffer } from 'file-type'

/** What a file's first bytes say that it is. */
export interface FileKind {
  /** Lower case, without parameters. */
  mimeType: string
  /** Letters and digits, for names. */
  extension: string
}

/** What of a file is looked at, in bytes. */
export const sniffedBytes = 4_100

/**
 * The type by content, not by what somebody says; where the content shows none (text, say), the declared one when it is harmless.
 * What a browser would run (HTML, SVG, XML, scripts) is never named so: it is bytes.
 */
export async function fileKindOf(head: Uint8Array, declared: string | null): Promise<FileKind> {
  const found = await fileTypeFromBuffer(head)
  const said = (found?.mime ?? declared)?.split(';')[0]?.trim().toLowerCase()
  const mimeType = said && (otherNames[said] ?? said)
  if (!mimeType || !/^[a-z0-9][a-z0-9.+-]{0,60}\/[a-z0-9][a-z0-9.+-]{0,60}$/.test(mimeType) || isActive(mimeType))
    return { mimeType: 'application/octet-stream', extension: 'bin' }
  // A sound in an MP4 or WebM is told from a film by what its sender says.
  if (found && declared && sameContainer(mimeType, declared)) return { mimeType: declared, extension: found.ext }
  return { mimeType, extension: found?.ext ?? plainExtensions[mimeType] ?? 'bin' }
}

/** Types under the name that WhatsApp and browsers know them by. */
const otherNames: Record<string, string> = {
  'audio/x-m4a': 'audio/mp4',
  'video/x-m4v': 'video/mp4',
  'audio/opus': 'audio/ogg',
}

const plainExtensions: Record<string, string> = {
  'text/plain': 'txt',
  'text/csv': 'csv',
  'text/vcard': 'vcf',
  'application/json': 'json',
}

function isActive(mimeType: string): boolean {
  return (
    /html|xml|svg|script|java|flash|x-sh|msdownload|wasm/.test(mimeType) &&
    !/officedocument|opendocument/.test(mimeType)
  )
}

function sameContainer(found: string, declared: string): boolean {
  return /^(audio|video)\/(mp4|webm|ogg|3gpp)$/.test(declared) && found.split('/')[1] === declared.split('/')[1]
}
