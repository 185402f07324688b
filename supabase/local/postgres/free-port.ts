import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port of 127.0.0.1 that nobody listens on: the preferred one, else one of the hundred after it; 0 asks for any. */
export async function freePort(preferred = 0): Promise<number> {
  const candidates = preferred === 0 ? [0] : Array.from({ length: 100 }, (_, index) => preferred + index)
  for (const candidate of candidates) {
    const port = await probe(candidate)
    if (port !== undefined) return port
  }
  throw new Error(`Ports ${preferred} to ${preferred + 99} of 127.0.0.1 are all taken.`)
}

async function probe(candidate: number): Promise<number | undefined> {
  const server = createServer()
  try {
    server.listen(candidate, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EADDRINUSE' || code === 'EACCES' || code === 'ERR_SOCKET_BAD_PORT') return undefined
    throw error
  } finally {
    if (server.listening) {
      server.close()
      await once(server, 'close')
    }
  }
}
