/**
 * A file's name as it may be shown and sent: no path, no control characters, none that turn the reading direction and so hide an
 * extension, not longer than 255 characters. null when nothing is left.
 */
export function safeName(name: string | null | undefined): string | null {
  const last = (name ?? '').toWellFormed().split(/[/\\]/).at(-1) ?? ''
  const clean = last
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '')
  if (clean.length <= 255) return clean || null
  const extension = /\.\w{1,16}$/.exec(clean)?.[0] ?? ''
  return clean.slice(0, 255 - extension.length) + extension
}
