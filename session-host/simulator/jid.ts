import { jidDecode, jidEncode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import type { Addressing, Person } from './state.ts'

/** The parts of a person's JID; device 0 is the phone. */
export interface ParsedJid {
  user: string
  device: number
  addressed: Addressing
}

/** A person's JID in the form asked for; with a device number the device's. */
export function jidOf(person: { number: string; lid: string }, addressed: Addressing, device = 0): string {
  return addressed === 'lid' ? jidEncode(person.lid, 'lid', device) : jidEncode(person.number, 's.whatsapp.net', device)
}

/** Reads a person's JID; groups, broadcasts, newsletters and other servers' give undefined. */
export function parseJid(jid: string | undefined): ParsedJid | undefined {
  const parts = jid === undefined ? undefined : jidDecode(jid)
  if (!parts || parts.user === '') return undefined
  const addressed = parts.server === 'lid' ? 'lid' : parts.server === 's.whatsapp.net' ? 'pn' : undefined
  return addressed && { user: parts.user, device: parts.device ?? 0, addressed }
}

/** Other name of the same person, as an attribute next to one in the form `addressed`; none for a hidden number. */
export function otherForm(person: Person, addressed: Addressing): string | undefined {
  if (addressed === 'lid' && person.numberHidden) return undefined
  return jidOf(person, addressed === 'lid' ? 'pn' : 'lid')
}
