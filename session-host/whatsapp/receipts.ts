import type { BinaryNode } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { InboundReceipt } from '#shared/inbound.ts'
import type { MessageStatus } from '#shared/message.ts'
import type { Self } from './self.ts'

/**
 * What a receipt stanza says of messages; empty for those that speak to the device (retry, peer_msg, hist_sync, server-error). Pure.
 *
 * Read from the stanza and not from Baileys' events, which lose some: message-receipt.update is dropped for a message that is still in
 * the event buffer, merges what came of one message into one event, has no time of playing, and is not emitted for `inactive`, which
 * devices without a person in front of them answer. Types and attributes as whatsmeow reads them (receipt.go, types/presence.go):
 * none and `inactive` delivered, `read`, `played`; `read-self` and `played-self`, or `read` of an own device, mean that the account
 * itself has read or played what others wrote; `sender` that an own device has got an own message.
 */
export function readReceipts(node: BinaryNode, self: Self): InboundReceipt[] {
  const { from, participant, recipient, type, t } = node.attrs
  const sender = normalizeJid(from)
  const status = statusOf(type)
  if (!sender || !status) return []
  const isGroup = sender.endsWith('@g.us')
  const author = isGroup ? normalizeJid(participant) : sender
  const isSelf = type?.endsWith('-self') === true || author === self.phone || author === self.lid
  const chat = isGroup || !isSelf ? sender : (normalizeJid(recipient) ?? sender)
  if (!isGroup && !isPersonJid(chat)) return []
  const at = Number(t ?? 0)
  const ids = idsOf(node)
  if (isSelf) {
    // An own device that got an own message proves that the server has it; that it got somebody else's says nothing.
    if (status === 'delivered') return []
    return ids.map((waId) => ({ chat, waId, fromMe: type === 'sender', status }))
  }
  if (status === 'sent') return []
  if (!isGroup) return ids.map((waId) => ({ chat, waId, fromMe: true, status }))
  if (!author || !isPersonJid(author)) return []
  return ids.map((waId) => ({ chat, waId, fromMe: true, status, member: { jid: author, at } }))
}

function statusOf(type: string | undefined): MessageStatus | null {
  switch (type) {
    case undefined:
    case 'inactive':
      return 'delivered'
    case 'sender':
      return 'sent'
    case 'read':
    case 'read-self':
      return 'read'
    case 'played':
    case 'played-self':
      return 'played'
    default:
      return null
  }
}

/** The first id is an attribute; of more there is a list. */
function idsOf(node: BinaryNode): string[] {
  const list = Array.isArray(node.content) ? node.content.find((child) => child.tag === 'list') : undefined
  const items = Array.isArray(list?.content) ? list.content : []
  return [node.attrs['id'], ...items.map((item) => item.attrs['id'])].flatMap((id) =>
    id && id.length <= 128 ? [id] : [],
  )
}
