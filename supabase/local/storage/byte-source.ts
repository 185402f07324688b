/** The bytes of a request, read piece by piece, and to the end even when nobody wants them. */
export interface ByteSource {
  /** The next piece, or `undefined` at the end. */
  read(): Promise<Uint8Array | undefined>
  /** All pieces that are left. Ending the loop early leaves the rest to others. */
  chunks(): AsyncIterable<Uint8Array>
  /** Reads on without keeping anything: a client that still sends when the connection closes never sees why it was refused. */
  drain(): Promise<void>
}

/** What is read on for a client whose upload is refused, in bytes; after that it has had its chance. */
const patience = 256 * 1024 * 1024

export function createByteSource(body: ReadableStream<Uint8Array> | null): ByteSource {
  const reader = body?.getReader()
  async function read(): Promise<Uint8Array | undefined> {
    if (!reader) return undefined
    const { value, done } = await reader.read()
    return done ? undefined : value
  }
  return {
    read,
    async *chunks() {
      for (let chunk = await read(); chunk; chunk = await read()) yield chunk
    },
    async drain() {
      try {
        let seen = 0
        for (let chunk = await read(); chunk && seen < patience; chunk = await read()) seen += chunk.byteLength
      } catch {
        // The client went away.
      }
    },
  }
}
