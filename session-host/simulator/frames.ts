/** Cuts the byte stream of a client into its intro and its frames; both may arrive in any pieces. */
export interface FrameReader {
  /** The bytes of the intro that the handshake hashes, once they are here. */
  readonly intro: Buffer | undefined
  /** @throws when the stream does not begin as WhatsApp's does */
  push(bytes: Uint8Array): Buffer[]
}

/**
 * Client stream: `[ED 00 01 <len:3> <routing info>] WA 06 <dictionary version>`, then `<len:3 BE> <bytes>`*.
 * Source: Baileys `Utils/noise-handler.js` (intro header and encodeFrame); routing info is an opaque echo of the server's.
 */
export function createFrameReader(): FrameReader {
  let pending: Buffer = Buffer.alloc(0)
  let intro: Buffer | undefined

  function takeIntro(): boolean {
    let at = 0
    if (pending.length >= 2 && pending.toString('latin1', 0, 2) === 'ED') {
      if (pending.length < 7) return false
      at = 7 + pending.readUIntBE(4, 3)
    }
    if (pending.length < at + 4) return false
    if (pending.toString('latin1', at, at + 2) !== 'WA') throw new Error('not a WhatsApp client: bad intro')
    intro = pending.subarray(at, at + 4)
    pending = pending.subarray(at + 4)
    return true
  }

  function push(bytes: Uint8Array): Buffer[] {
    pending = Buffer.concat([pending, bytes])
    if (!intro && !takeIntro()) return []
    const frames: Buffer[] = []
    while (pending.length >= 3) {
      const end = 3 + pending.readUIntBE(0, 3)
      if (pending.length < end) break
      frames.push(pending.subarray(3, end))
      pending = pending.subarray(end)
    }
    return frames
  }

  return {
    get intro() {
      return intro
    },
    push,
  }
}

/** One frame for the client. */
export function frame(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(3)
  head.writeUIntBE(bytes.length, 0, 3)
  return Buffer.concat([head, bytes])
}
