/** Times in ms unless named otherwise. */
export interface HostTiming {
  leaseSeconds: number
  scanMs: number
  ackTimeoutMs: number
  openTimeoutMs: number
  socketSeconds: number
  stableMs: number
  backoffMs: number
  pingAfterMs: number
  pongWithinMs: number
}

export const defaultTiming: HostTiming = {
  leaseSeconds: 10,
  scanMs: 2_000,
  ackTimeoutMs: 30_000,
  openTimeoutMs: 60_000,
  socketSeconds: 12,
  stableMs: 10_000,
  backoffMs: 500,
  pingAfterMs: 10_000,
  pongWithinMs: 5_000,
}
