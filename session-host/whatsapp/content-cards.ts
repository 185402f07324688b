import type { proto } from '@whiskeysockets/baileys'
import type { ContactCard, MessageContent } from '#shared/content.ts'
import { clip } from './content-parts.ts'

/** WhatsApp's limit of cards in one message. */
const mostCards = 257

/** Contact cards; the message's text is the names. Pure. */
export function readCards(cards: proto.Message.IContactMessage[]): {
  type: 'contact'
  text: string | null
  content: MessageContent
} {
  const contacts = cards.slice(0, mostCards).map(readCard)
  return {
    type: 'contact',
    text: clip(contacts.map(({ name }) => name).join(', '), 4096) || null,
    content: { contacts },
  }
}

function readCard({ displayName, vcard }: proto.Message.IContactMessage): ContactCard {
  const lines = withoutPictures(vcard ?? '')
  return {
    name: clip(displayName || valueOf(lines, 'FN') || '', 256),
    vcard: clip(lines.join('\n'), 16_384),
    phones: valuesOf(lines, 'TEL').slice(0, 32),
  }
}

/** The card's lines, unfolded (RFC 6350 section 3.2), without what embeds a picture or sound. */
function withoutPictures(vcard: string): string[] {
  return vcard
    .replaceAll(/\r?\n[ \t]/g, '')
    .split(/\r?\n/)
    .filter((line) => !/^([\w-]+\.)?(PHOTO|LOGO|SOUND|KEY)[;:]/i.test(line))
}

function valueOf(lines: string[], property: string): string | undefined {
  return valuesOf(lines, property)[0]
}

function valuesOf(lines: string[], property: string): string[] {
  const pattern = new RegExp(`^(?:[\\w-]+\\.)?${property}(?:;[^:]*)?:(.*)$`, 'i')
  return lines.flatMap((line) => {
    const value = pattern.exec(line)?.[1]?.replace(/^tel:/i, '').trim()
    return value ? [clip(value.replaceAll(/\\([,;\\])/g, '$1'), 64)] : []
  })
}
