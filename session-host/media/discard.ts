import type { Readable } from 'node:stream'

/** Ends a body that nobody reads; undici says so on it, to nobody. */
export function discard(body: Readable): void {
  body.on('error', () => undefined).destroy()
}
