import type { ErrorCode } from '#shared/errors.ts'
import type { Database } from './database.ts'
import { fenced, type Lease } from './fenced.ts'

/** What the owner of a session wants a pairing code for, and the code of the moment. A secret: it is in one overwritten row only. */
export interface PairingCodes {
  /** The number (digits) that a code is wanted for and not there yet, or null. */
  wanted(): Promise<string | null>
  /** Shows a code (XXXX-XXXX), unless another number is wanted meanwhile. */
  show(code: { phone: string; code: string; expiresAt: Date }): Promise<void>
  /** Says why there is none. */
  fail(phone: string, error: ErrorCode): Promise<void>
  /** Takes the code and the QR away: their connection is gone. The wish stays, for the next attempt. */
  withdraw(): Promise<void>
}

/** @see PairingCodes */
export function createPairingCodes(database: Database, lease: Lease): PairingCodes {
  const { sessionId } = lease
  return {
    async wanted() {
      const [row] = await database.query<{ phone: string }>(
        `select l.phone from private.linking_attempts l join public.whatsapp_sessions s on s.id = l.session_id
           where l.session_id = $1 and l.phone is not null and l.pairing_code is null and l.pairing_error is null
             and s.desired = 'running'`,
        [sessionId],
      )
      return row?.phone ?? null
    },
    show: ({ phone, code, expiresAt }) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.linking_attempts set
               pairing_code = $3, pairing_code_expires_at = $4, pairing_error = null, version = version + 1
             where session_id = $1 and phone = $2`,
          [sessionId, phone, code, expiresAt],
        )
      }),
    fail: (phone, error) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.linking_attempts set
               pairing_code = null, pairing_code_expires_at = null, pairing_error = $3, version = version + 1
             where session_id = $1 and phone = $2`,
          [sessionId, phone, error],
        )
      }),
    withdraw: () =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.linking_attempts set
               qr = null, qr_expires_at = null, pairing_code = null, pairing_code_expires_at = null, version = version + 1
             where session_id = $1 and (qr is not null or pairing_code is not null)`,
          [sessionId],
        )
      }),
  }
}
