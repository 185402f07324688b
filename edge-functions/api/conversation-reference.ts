import { normalizeJid } from '#shared/ids.ts'

/** A conversation as SQL looks it up: a uuid as it is, a JID without device and in its current form. Anything else finds nothing. */
export function conversationReference(text: string): string {
  return normalizeJid(text) ?? text
}
