/**
 * WhatsApp ids (JIDs) are taken apart here and nowhere else.
 *
 * A JID is `<user>[_<agent>][:<device>]@<server>`. Servers that matter: `s.whatsapp.net` (a phone number), `lid` (WhatsApp's
 * number-less identity), `g.us` (a group), `newsletter`, `broadcast`. One person has a number JID and a LID; both mean them.
 */
export type JidKind = 'phone' | 'lid' | 'group' | 'newsletter' | 'broadcast'

export interface Jid {
  kind: JidKind
  /** Digits of a number or LID, or a group's id. */
  user: string
  /** Device of a linked companion; 0 is the phone. */
  device: number
}

const servers: Record<string, JidKind> = {
  's.whatsapp.net': 'phone',
  'c.us': 'phone',
  lid: 'lid',
  'g.us': 'group',
  newsletter: 'newsletter',
  broadcast: 'broadcast',
}

/** Takes a JID apart, or null when it is none that we know. */
export function parseJid(text: string | null | undefined): Jid | null {
  const match = /^([0-9a-z.-]+)(?:_\d+)?(?::(\d+))?@([a-z.]+)$/.exec(text?.toLowerCase() ?? '')
  const kind = match?.[3] === undefined ? undefined : servers[match[3]]
  const user = match?.[1]
  if (!kind || !user) return null
  if ((kind === 'phone' || kind === 'lid') && !/^\d{1,20}$/.test(user)) return null
  return { kind, user, device: Number(match[2] ?? 0) }
}

/** The form that is stored and compared: no device, no agent, the current server name. Null when it is no JID that we know. */
export function normalizeJid(text: string | null | undefined): string | null {
  const jid = parseJid(text)
  if (!jid) return null
  switch (jid.kind) {
    case 'phone':
      return phoneJid(jid.user)
    case 'lid':
      return `${jid.user}@lid`
    case 'group':
      return `${jid.user}@g.us`
    case 'newsletter':
      return `${jid.user}@newsletter`
    case 'broadcast':
      return `${jid.user}@broadcast`
    default:
      return jid.kind satisfies never
  }
}

/** The JID of a phone number given as digits, country code first. */
export function phoneJid(digits: string): string {
  return `${digits}@s.whatsapp.net`
}

/** True for the JID of a person: by number or by LID. */
export function isPersonJid(text: string): boolean {
  const kind = parseJid(text)?.kind
  return kind === 'phone' || kind === 'lid'
}

/** The digits of a number JID, or null for anything else. */
export function phoneOf(text: string | null | undefined): string | null {
  const jid = parseJid(text)
  return jid?.kind === 'phone' ? jid.user : null
}
