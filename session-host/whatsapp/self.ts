import { normalizeJid, parseJid } from '#shared/ids.ts'
import type { AuthState } from './auth-state.ts'

/** The linked account's own JIDs, in the form of normalizeJid. */
export interface Self {
  phone: string
  lid: string | null
}

/** The linked account: digits of its number, and of its LID when WhatsApp has told. */
export interface Account {
  phone: string
  lid: string | null
}

/** The account that the credentials belong to; null before a phone is linked. */
export function selfOf(auth: AuthState): Self | null {
  // A pairing code names the number before any phone has agreed.
  const phone = auth.creds.account ? normalizeJid(auth.creds.me?.id) : null
  return phone ? { phone, lid: normalizeJid(auth.creds.me?.lid) } : null
}

/** The account of one's own JIDs. */
export function accountOf(self: Self): Account {
  return { phone: parseJid(self.phone)?.user ?? '', lid: parseJid(self.lid)?.user ?? null }
}
