import { setTimeout as pause } from 'node:timers/promises'
import { asErrorCode, PublicError } from '#shared/errors.ts'
import type { UserRequests } from '../store/user-requests.ts'

/** As long as REST waits, and as often: milliseconds. */
const patienceMs = 20_000
const intervalMs = 250

/**
 * The pairing code that a user has asked for, once WhatsApp has accepted the request: `{code: "ABCD-1234", expires_at}`.
 * @throws PublicError `pairing_refused`, `whatsapp_timeout`
 */
export async function awaitPairingCode(
  requests: Pick<UserRequests, 'linkState'>,
  userId: string,
  phone: string,
): Promise<{ code: string; expires_at: string }> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await pause(intervalMs)) {
    const state = await requests.linkState(userId)
    if (state.status !== 'linking' || state.pairing_phone !== phone) break
    if (state.pairing_error) throw new PublicError(asErrorCode(state.pairing_error) ?? 'pairing_refused')
    if (state.pairing_code && state.pairing_code_expires_at)
      return { code: state.pairing_code, expires_at: new Date(state.pairing_code_expires_at).toISOString() }
  }
  throw new PublicError('whatsapp_timeout', { detail: 'no pairing code in time' })
}
