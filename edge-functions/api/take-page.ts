/** Rows that the SQL functions answer at most. */
const maxRows = 200

/**
 * Reads a page and whether another row follows it, with one read where the database's limit allows one row more than wanted.
 * `read` answers rows in reading order, those beyond `from` when it is given.
 */
export async function takePage<Row>(
  limit: number,
  read: (limit: number, from: Row | null) => Promise<Row[]>,
): Promise<{ rows: Row[]; more: boolean }> {
  if (limit < maxRows) {
    const rows = await read(limit + 1, null)
    return { rows: rows.slice(0, limit), more: rows.length > limit }
  }
  const rows = await read(limit, null)
  const last = rows.at(-1)
  return { rows, more: rows.length === limit && last !== undefined && (await read(1, last)).length > 0 }
}
