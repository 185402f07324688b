import { PublicError } from '#shared/errors.ts'

/** A place in a list: what orders it (a row's timestamp to the microsecond as the database writes it, or a name), and what breaks ties. */
export interface Position {
  at: string
  key: string
}

/** A cursor that was taken apart; `seal` tells which list it belongs to. */
export interface Cursor extends Position {
  seal: string
}

/** Writes a position of the list that `filter` describes as an opaque text for URLs. */
export async function writeCursor(filter: readonly unknown[], { at, key }: Position): Promise<string> {
  return toBase64Url(JSON.stringify([await sealOf(filter), at, key]))
}

/**
 * Takes a cursor of a list that is ordered by time, or by what `isPlace` accepts, apart, or fails with invalid_cursor. Whether it
 * belongs to the list is for `belongsTo` to say.
 */
export function readCursor(
  text: string,
  param: string,
  isPlace: (value: unknown) => value is string = isTimestamp,
): Cursor {
  const parts = fromBase64Url(text)
  if (Array.isArray(parts) && parts.length === 3) {
    const [seal, at, key]: unknown[] = parts
    if (typeof seal === 'string' && isPlace(at) && isKey(key)) return { seal, at, key }
  }
  throw new PublicError('invalid_cursor', { param })
}

/** Whether a cursor was written for the list that `filter` describes. */
export async function belongsTo(cursor: Cursor, filter: readonly unknown[]): Promise<boolean> {
  return cursor.seal === (await sealOf(filter))
}

/** A digest, so that a long search text does not make long cursors. It keeps lists apart; it guards nothing: policies do. */
async function sealOf(filter: readonly unknown[]): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(filter)))
  return Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function isTimestamp(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d(:?\d\d)?)$/.test(value) &&
    !Number.isNaN(Date.parse(value))
  )
}

/** A name in the form that lists of people are ordered by. */
export function isSortName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 1024 && value.isWellFormed() && !value.includes('\0')
}

/** A uuid, or an ordinal that fits a bigint. */
function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{1,18})$/.test(value)
}

function toBase64Url(text: string): string {
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

function fromBase64Url(text: string): unknown {
  if (!/^[\w-]+$/.test(text)) return null
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))))
  } catch {
    return null
  }
}
