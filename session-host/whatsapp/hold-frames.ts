/** What of a WebSocket is used (ws). */
export interface FrameSink {
  send(data: Uint8Array, ...rest: unknown[]): void
}

/**
 * Keeps frames back while anything that was decrypted or changed before them is not committed: a receipt says that a message is stored,
 * a ciphertext that its key was used. So nobody who works on the next message waits for the commit of the last one; only what the
 * world gets to see does. Frames keep their order (Noise numbers them). Whoever sends is told at once that a frame is on its way. When a
 * commit fails nothing leaves any more: the connection ends. A frame whose own ratchet is still to be stored waits for that first; when
 * it never is, `onLost` hears of it, since neither that frame nor any after it can leave.
 */
export function holdFrames(
  sink: FrameSink,
  /** Resolves when what there is so far is committed, rejects when it can't be; null when there is nothing to wait for. */
  uncommitted: () => Promise<void> | null,
  {
    unstored = () => null,
    onLost = () => undefined,
  }: { unstored?: () => Promise<void> | null; onLost?: (error: unknown) => void } = {},
): { isHolding(): boolean } {
  const send = sink.send.bind(sink)
  let held = 0
  let last: Promise<void> = Promise.resolve()
  sink.send = (data, ...rest) => {
    const ratchet = unstored()
    ratchet?.catch(onLost)
    const commit = ratchet ? ratchet.then(uncommitted) : uncommitted()
    if (!commit && held === 0) return send(data, ...rest)
    held += 1
    last = Promise.all([last, commit]).then(() => {
      held -= 1
      send(data)
    })
    last.catch(() => undefined)
    const sent = rest.at(-1)
    if (typeof sent === 'function') queueMicrotask(() => (sent as () => void)())
  }
  return { isHolding: () => held > 0 }
}
