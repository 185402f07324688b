/** Reads a page and whether another row follows it, with one read: SQL functions answer one row more than the largest page. */
export async function takePage<Row>(
  limit: number,
  read: (limit: number) => Promise<Row[]>,
): Promise<{ rows: Row[]; more: boolean }> {
  const rows = await read(limit + 1)
  return { rows: rows.slice(0, limit), more: rows.length > limit }
}
