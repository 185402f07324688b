import { createHash } from 'node:crypto'
import type { WAMessage } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'

/** The stanza a message came in, as the inbox knows it: SHA-256 of chat, author and id, hexadecimal. */
export function stanzaKeyOfMessage(message: WAMessage): string {
  const { remoteJid, participant, id } = message.key
  return hashStanza(remoteJid, participant, id)
}

/** The same, of the stanza's attributes. */
export function stanzaKeyOf(attrs: Record<string, string>): string {
  return hashStanza(attrs['recipient'] ?? attrs['from'], attrs['participant'], attrs['id'])
}

function hashStanza(chat?: string | null, participant?: string | null, id?: string | null): string {
  return createHash('sha256')
    .update(`${normalizeJid(chat) ?? chat ?? ''}|${normalizeJid(participant) ?? ''}|${id ?? ''}`)
    .digest('hex')
}
