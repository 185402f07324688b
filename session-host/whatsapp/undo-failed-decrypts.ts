import { SessionCipher } from 'libsignal'

interface Chain {
  chainKey: object
  messageKeys: object
}
interface SessionState {
  currentRatchet: object
  _chains: Record<string, Chain>
}
type Decrypt = (this: unknown, message: Buffer, session: SessionState | undefined) => Promise<Buffer>

const isWrapped = Symbol('undoes what failed')

/**
 * Leaves a Signal session as it was when a message turns out not to be of it. A contact has several (a new one each time that something
 * could not be read), a message is tried on each, and the JavaScript libsignal steps the ratchet before it looks at the MAC
 * (session_cipher.js:181): the right session reads the message, and the wrong one, which is the current one when the message was on its
 * way while the two ends agreed on it, is stored with a step that the other end never took. From then on nothing that is sent can be read there. Signal's own
 * library works on a copy (libsignal, rust/protocol/src/session_cipher.rs).
 */
export function undoFailedDecrypts(): void {
  const prototype = SessionCipher.prototype as unknown as { doDecryptWhisperMessage: Decrypt }
  const decrypt = prototype.doDecryptWhisperMessage
  if (isWrapped in decrypt) return
  const undoing: Decrypt = async function (message, session) {
    const before = session && copyOf(session)
    try {
      return await decrypt.call(this, message, session)
    } catch (error) {
      if (session) Object.assign(session, before)
      throw error
    }
  }
  prototype.doDecryptWhisperMessage = Object.assign(undoing, { [isWrapped]: true })
}

/** What a step changes, keys themselves excepted: they are replaced, never written to. */
function copyOf({ currentRatchet, _chains: chains }: SessionState): SessionState {
  const copies = Object.entries(chains).map(([key, chain]): [string, Chain] => [
    key,
    { ...chain, chainKey: { ...chain.chainKey }, messageKeys: { ...chain.messageKeys } },
  ])
  return { currentRatchet: { ...currentRatchet }, _chains: Object.fromEntries(copies) }
}
