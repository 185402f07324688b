import { sniffedBytes } from './file-kind.ts'

/** The first bytes of a stream, as many as its type is told from, and the stream with them. */
export async function readHead(
  source: AsyncIterable<Uint8Array>,
): Promise<{ head: Buffer; pieces: AsyncGenerator<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let length = 0
  while (length < sniffedBytes) {
    const { value, done } = await iterator.next()
    if (done) break
    first.push(value)
    length += value.length
  }
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      yield* first
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      // Whoever stops early lets go of the source, too.
      await iterator.return?.()
    }
  }
  return { head: Buffer.concat(first).subarray(0, sniffedBytes), pieces: pieces() }
}

/** The stream, with its bytes counted as they pass. */
export async function* counted(
  source: AsyncIterable<Uint8Array>,
  count: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source) {
    count(piece)
    yield piece
  }
}
