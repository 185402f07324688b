import { certificateChain } from './certificate.ts'
import { createSeededSource } from './seeded-source.ts'
import { seededKeyPair } from './key-pair.ts'
import type { ServerState } from './state.ts'

/** A server without people. Keys follow from the seed; the certificates are valid from now on. */
export function initialState(seed: string): ServerState {
  const position = { drawn: 0 }
  const random = createSeededSource(seed, position)
  const keys = { root: seededKeyPair(random), intermediate: seededKeyPair(random), static: seededKeyPair(random) }
  const certificates = Buffer.from(certificateChain({ ...keys, leaf: keys.static }, Date.now()))
  return { version: 1, seed, position, keys, certificates, people: [], nextNumber: 200 }
}
