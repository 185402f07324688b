import type { BinaryNode, WASocket } from '@whiskeysockets/baileys'

/** Linking by a code that a person types on the phone. */
export interface Pairing {
  /**
   * Asks WhatsApp for a code for a number (digits), and resolves with it (XXXX-XXXX) once the server has accepted the request; the phone is
   * then told that a device wants to be linked. Only after the first QR: before it the server does not know the device yet.
   * @throws PairingRefused when WhatsApp says no or nothing; another error when the connection ends
   */
  requestPairingCode(phone: string): Promise<string>
}

/** WhatsApp gives no code for that number. */
export class PairingRefused extends Error {
  override readonly name = 'PairingRefused'
}

/** The server's answer takes a moment; a code that it has not accepted would be refused on the phone. Milliseconds. */
const answerMs = 10_000

/** A code lives as long as its connection, which WhatsApp ends when all six QRs are used up: 60 s and five times 20 s (socket.js:694). */
export const pairingCodeMs = 160_000

/** @see Pairing. Baileys sends the request without waiting for the answer (socket.js:596). */
export function createPairing(socket: WASocket): Pairing {
  return {
    async requestPairingCode(phone) {
      const answer = awaitAnswer(socket)
      const code = await socket.requestPairingCode(phone)
      await answer
      return `${code.slice(0, 4)}-${code.slice(4)}`
    },
  }
}

function awaitAnswer(socket: WASocket): Promise<void> {
  const { ws, ev } = socket
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const refused = (): void => settle(() => reject(new PairingRefused('WhatsApp refused the request')))
  const accepted = (): void => settle(resolve)
  const failed = (node: BinaryNode): void => {
    // Nothing else is asked on a connection that is not linked yet.
    if (node.attrs['type'] === 'error') refused()
  }
  const closed = (update: { connection?: string }): void => {
    if (update.connection === 'close') settle(() => reject(new Error('the connection was closed')))
  }
  const timer = setTimeout(refused, answerMs)
  function settle(how: () => void): void {
    clearTimeout(timer)
    ws.off('CB:iq,type:result,link_code_companion_reg', accepted)
    ws.off('CB:iq,type:error', failed)
    ev.off('connection.update', closed)
    how()
  }
  ws.on('CB:iq,type:result,link_code_companion_reg', accepted)
  ws.on('CB:iq,type:error', failed)
  ev.on('connection.update', closed)
  // Whoever asks may fail before it waits.
  promise.catch(() => undefined)
  return promise
}
