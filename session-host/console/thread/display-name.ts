/** The name of an embedded contact row, best first: saved, verified, their own; and the number. */
export function displayName(row: unknown): { name: string | null; phone: string | null } {
  const found: unknown = Array.isArray(row) ? row[0] : row
  if (typeof found !== 'object' || found === null) return { name: null, phone: null }
  const fields = found as Record<string, unknown>
  const text = (field: string): string | null => {
    const value = fields[field]
    return typeof value === 'string' && value !== '' ? value : null
  }
  return { name: text('name') ?? text('verified_name') ?? text('push_name'), phone: text('phone') }
}
