import type { PairingCodes } from '../store/pairing-codes.ts'
import { PairingRefused, type Pairing } from '../whatsapp/pairing.ts'

/** The pairing codes of one session's connections. All calls come one after another, in the session's queue. */
export interface PairingAttempt {
  /** The connection shows QRs: it may ask for codes from now on, until `codeMs` from now, when WhatsApp ends it. */
  ready(connection: Pairing, codeMs: number): void
  /** The owner may want a code: asks WhatsApp for it. True when something was written. */
  check(): Promise<boolean>
  /** A new connection begins: whatever code there is belonged to an earlier one, perhaps of a host that died. */
  begin(): Promise<void>
  /** The connection is gone, and its code with it. */
  end(): Promise<void>
}

/** @see PairingAttempt. `deadline` says when the linking attempt ends, in epoch ms. */
export function createPairingAttempt({
  codes,
  deadline,
}: {
  codes: PairingCodes
  deadline: () => number
}): PairingAttempt {
  let current: { connection: Pairing; until: number } | undefined
  return {
    begin: () => codes.withdraw(),
    ready(connection, codeMs) {
      if (current?.connection !== connection) current = { connection, until: Date.now() + codeMs }
    },
    async check() {
      if (!current) return false
      const phone = await codes.wanted()
      if (phone === null) return false
      const { connection, until } = current
      let code: string
      try {
        code = await connection.requestPairingCode(phone)
      } catch (error) {
        // Another failure is the end of this connection; the next one asks again.
        if (error instanceof PairingRefused) await codes.fail(phone, 'pairing_refused')
        return error instanceof PairingRefused
      }
      await codes.show({ phone, code, expiresAt: new Date(Math.min(until, deadline())) })
      return true
    },
    async end() {
      if (!current) return
      current = undefined
      await codes.withdraw()
    },
  }
}
