import { createHmac, randomBytes } from 'node:crypto'

/** Bytes that follow from a seed and a counter. Not for secrets that matter: the simulator's people are made up. */
export interface SeededSource {
  bytes(length: number): Buffer
  /** An integer, 0 ≤ n < limit. */
  below(limit: number): number
}

/** `position` is kept by the caller (and saved with the state), so that a restart goes on where it stopped. */
export function createSeededSource(seed: string, position: { drawn: number }): SeededSource {
  function bytes(length: number): Buffer {
    const parts: Buffer[] = []
    for (let have = 0; have < length; have += 32) {
      parts.push(
        createHmac('sha256', seed)
          .update(String(position.drawn++))
          .digest(),
      )
    }
    return Buffer.concat(parts).subarray(0, length)
  }
  return { bytes, below: (limit) => bytes(6).readUIntBE(0, 6) % limit }
}

/** A seed for those who gave none. */
export function freshSeed(): string {
  return randomBytes(16).toString('hex')
}
