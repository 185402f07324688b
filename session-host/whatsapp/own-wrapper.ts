import { proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'

/** Field 31, length-delimited: how a deviceSentMessage begins on the wire. */
const wrapperTag = Buffer.from([0xfa, 0x01])

interface Me {
  id?: string | undefined
  lid?: string | undefined
}

/** Whether a message stanza is of the account's own devices, by what the server says of it. */
export function isOwnStanza(attrs: Record<string, string>, me: Me | undefined): boolean {
  const sender = normalizeJid(attrs['participant'] ?? attrs['from'])
  return sender !== null && (sender === normalizeJid(me?.id) || sender === normalizeJid(me?.lid))
}

/**
 * Whether somebody else sent what only an own device sends: a deviceSentMessage, which tells one's other devices of a message that one
 * has written. Baileys unwraps it from anybody (decode-wa-message.js) and goes on with what is inside; whatever that says, its sender
 * did not send it as a message. `attrs` are the stanza's.
 */
export function isForgedWrapper(attrs: Record<string, string>, plaintext: Uint8Array, me: Me | undefined): boolean {
  if (Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).indexOf(wrapperTag) === -1) return false
  if (isOwnStanza(attrs, me)) return false
  try {
    const message = proto.Message.decode(unpadRandomMax16(plaintext))
    return message.deviceSentMessage !== null && message.deviceSentMessage !== undefined
  } catch {
    return false
  }
}
