import { normalizeMessageContent, proto, type WAMessage } from '@whiskeysockets/baileys'
import type { InboundChange } from '#shared/inbound.ts'
import { normalizeJid } from '#shared/ids.ts'
import { readContent } from './content.ts'
import { numberOf } from './content-parts.ts'
import type { Self } from './self.ts'

/** What a message does to another one: at most an edit or deletion, a reaction, a vote, a button that was pressed. Pure. */
export function readChanges(message: WAMessage, chat: string, self: Self): InboundChange[] {
  const change =
    readEdit(message, chat) ?? readReaction(message, chat) ?? readVote(message, chat, self) ?? readChoice(message, chat)
  return change ? [change] : []
}

/** A time of WhatsApp in its own unit: a number, or a 64-bit object of protobufjs. Zero when there is none. */
export function seconds(time: WAMessage['messageTimestamp']): number {
  const value = numberOf(time) ?? 0
  return value > 0 ? value : 0
}

/** Edits and deletions travel as protocol messages inside ordinary ones; the store asks whether who sent this may do so. */
function readEdit(message: WAMessage, chat: string): InboundChange | null {
  const protocol = normalizeMessageContent(message.message)?.protocolMessage
  const waId = protocol?.key?.id
  if (!protocol || !waId) return null
  const fromMe = message.key.fromMe === true
  const sender = chat.endsWith('@g.us') && !fromMe ? normalizeJid(message.key.participant) : null
  const base = { chat, waId, fromMe, ...(sender ? { sender } : {}), at: seconds(message.messageTimestamp) }
  if (protocol.type === proto.Message.ProtocolMessage.Type.REVOKE) return { ...base, kind: 'revoke' }
  if (protocol.type !== proto.Message.ProtocolMessage.Type.MESSAGE_EDIT) return null
  const shown = readContent(protocol.editedMessage)
  const text = shown?.text
  if (text === undefined || text === null) return null
  return { ...base, kind: 'edit', text, ...(shown?.content ? { content: shown.content } : {}) }
}

/** A reaction names the message that it is on; Baileys has put that key into this account's view (process-message.js:80). */
function readReaction(message: WAMessage, chat: string): InboundChange | null {
  const reaction = normalizeMessageContent(message.message)?.reactionMessage
  const waId = reaction?.key?.id
  const from = authorOf(message, chat)
  if (!reaction || !waId || !from) return null
  const emoji = reaction.text || null
  // One emoji is a few code points; what is longer, or no text at all to Postgres, is no reaction.
  if (emoji && (emoji.length > 32 || emoji.includes('\0'))) return null
  return { ...on(message, chat, waId, reaction.key), kind: 'reaction', from, emoji, atMs: momentOf(message, reaction) }
}

/**
 * A vote is encrypted with the secret of the poll, which the store has. Which of a person's JIDs went into the key depends on how the
 * chat is addressed, so all that may be meant are given, the likeliest first.
 */
function readVote(message: WAMessage, chat: string, self: Self): InboundChange | null {
  const update = normalizeMessageContent(message.message)?.pollUpdateMessage
  const key = update?.pollCreationMessageKey
  const { encPayload: payload, encIv: iv } = update?.vote ?? {}
  const from = authorOf(message, chat)
  if (!key?.id || !payload?.length || iv?.length !== 12 || !from) return null
  const own = [self.lid, self.phone]
  const other = [chat, message.key.remoteJidAlt]
  const author = [message.key.participant, message.key.participantAlt]
  const isGroup = chat.endsWith('@g.us')
  const voters = from === 'me' ? own : isGroup ? author : other
  const creators = key.fromMe ? own : isGroup ? [key.participant, ...author] : other
  return {
    ...on(message, chat, key.id, key),
    kind: 'vote',
    from,
    atMs: momentOf(message, update ?? {}),
    payload,
    iv,
    creators: known(creators),
    voters: known(voters),
  }
}

/** A button that was pressed also answers the message that had it. */
function readChoice(message: WAMessage, chat: string): InboundChange | null {
  const shown = readContent(message.message)
  const choice = shown?.content?.choice
  const from = authorOf(message, chat)
  if (!choice?.id || !shown?.replyTo || !from) return null
  // Only who offered something can have been answered: the other side, or whom the quote names in a group.
  const fromMe = !message.key.fromMe
  const at = seconds(message.messageTimestamp)
  const { id, text } = choice
  return { chat, waId: shown.replyTo, fromMe, at, kind: 'choice', from, id, text, atMs: at * 1000 }
}

function on(
  message: WAMessage,
  chat: string,
  waId: string,
  key: proto.IMessageKey | null | undefined,
): { chat: string; waId: string; fromMe: boolean; at: number } {
  return { chat, waId, fromMe: key?.fromMe === true, at: seconds(message.messageTimestamp) }
}

/** Who sent it: me, or their JID. */
function authorOf(message: WAMessage, chat: string): string | null {
  if (message.key.fromMe) return 'me'
  return normalizeJid(chat.endsWith('@g.us') ? message.key.participant : chat)
}

/** The sender's clock in milliseconds, else WhatsApp's. */
function momentOf(message: WAMessage, stamped: { senderTimestampMs?: number | { toString(): string } | null }): number {
  return seconds(numberOf(stamped.senderTimestampMs) ?? 0) || seconds(message.messageTimestamp) * 1000
}

function known(jids: (string | null | undefined)[]): string[] {
  return [...new Set(jids.flatMap((jid) => normalizeJid(jid) ?? []))]
}
