import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import { z } from 'zod'

/** A person as the API shows them. `jids` are all ids of theirs, numbers first; `display_name` is what displayName says. */
export const Contact = z.object({
  id: z.uuid(),
  session_id: z.uuid(),
  display_name: z.string().nullable(),
  name: z.string().nullable(),
  verified_name: z.string().nullable(),
  push_name: z.string().nullable(),
  phone: z.string().nullable(),
  jids: z.array(z.string()),
  /** The conversation with them, when there is one. */
  conversation_id: z.uuid().nullable(),
  /** The account has blocked them. */
  blocked: z.boolean(),
  /** Their profile picture, when it is known; it changes its address from time to time. */
  photo_url: z.string().nullable(),
})
export type Contact = z.infer<typeof Contact>

/** Names by which a person may be known. */
export interface ContactNames {
  /** Saved in the phone's address book. */
  name?: string | null
  /** Verified by WhatsApp, for a business. */
  verifiedName?: string | null
  /** Chosen by the person. */
  pushName?: string | null
  /** Digits, country code first. */
  phone?: string | null
}

/** The name to show: saved, verified business, push name, formatted number; null when nothing is known. */
export function displayName(names: ContactNames): string | null {
  return names.name || names.verifiedName || names.pushName || (names.phone ? formatPhone(names.phone) : null)
}

/** `34600111222` → `+34 600 11 12 22`: international form, or the digits with a plus when the number is of no known plan. */
export function formatPhone(digits: string): string {
  return parsePhoneNumberFromString(`+${digits}`)?.formatInternational() ?? `+${digits}`
}

/**
 * A number as a person writes it (`+34 600 111 222`, `0034…`, `34600111222`) as digits with the country code, or null when it
 * can't be a number. Whether WhatsApp knows it is for WhatsApp to say: its JID wins.
 */
export function parsePhone(text: string): string | null {
  const trimmed = text.trim().replace(/^00/, '+')
  if (!/^\+?[\d\s().-]{6,30}$/.test(trimmed)) return null
  const digits = trimmed.replace(/\D/g, '')
  return /^[1-9]\d{6,14}$/.test(digits) ? digits : null
}
