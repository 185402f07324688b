/** A name as its column takes it: without NUL, which Postgres text does not hold, and at most 256 characters; null for none. */
export function clipName(name: string | null | undefined): string | null {
  return name?.replaceAll('\0', '').slice(0, 256) || null
}
