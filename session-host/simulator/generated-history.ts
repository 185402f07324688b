import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { NAMES } from './person.ts'
import { textContent } from './phone-record.ts'
import type { GeneratedHistory } from './state.ts'

/** A conversation that follows from a seed. It is not kept: the same seed makes it again. */
export interface GeneratedConversation {
  index: number
  number: string
  lid: string
  name: string
  /** How many messages it has. */
  messages: number
}

export interface GeneratedMessage {
  id: string
  fromMe: boolean
  text: string
  /** Seconds since 1970. */
  at: number
}

/** All conversations: the first have the most messages (weights 1/√n), each has at least one. */
export function generatedConversations(plan: GeneratedHistory): GeneratedConversation[] {
  const weights = Array.from({ length: plan.conversations }, (_, index) => 1 / Math.sqrt(index + 1))
  const sum = weights.reduce((one, other) => one + other, 0)
  const spare = plan.messages - plan.conversations
  const counts = weights.map((weight) => 1 + Math.floor((spare * weight) / sum))
  const missing = plan.messages - counts.reduce((one, other) => one + other, 0)
  return counts.map((count, index) => {
    const draw = digest(plan.seed, 'conversation', index)
    return {
      index,
      number: `888${String(draw.readUInt16BE(0) % 1000).padStart(3, '0')}${String(index).padStart(6, '0')}`,
      lid: String(300_000_000_000_000 + (draw.readUInt32BE(2) % 100_000_000) * 1_000_000 + index),
      name: `${NAMES[draw.readUInt8(6) % NAMES.length] ?? 'Ana'} ${index + 1}`,
      messages: index === 0 ? count + missing : count,
    }
  })
}

/** Message `position` of a conversation, 0 is the oldest. */
export function generatedMessage(plan: GeneratedHistory, conversation: number, position: number): GeneratedMessage {
  const draw = digest(plan.seed, `message ${conversation}`, position)
  const words = Array.from(
    { length: 2 + (draw.readUInt8(10) % 12) },
    (_, index) => WORDS[draw.readUInt8(11 + index) % WORDS.length],
  )
  return {
    id: draw.subarray(0, 10).toString('hex').toUpperCase(),
    fromMe: draw.readUInt8(31) % 3 === 0,
    text: `${conversation}/${position} ${words.join(' ')}`,
    at: FIRST + conversation + position * 60,
  }
}

/** What a companion is given of a conversation: messages `from` (inclusive) down to `to`, newest first. */
export function generatedPart(
  plan: GeneratedHistory,
  conversation: GeneratedConversation,
  from: number,
  to: number,
): proto.IConversation {
  const id = `${conversation.lid}@lid`
  const messages: proto.IHistorySyncMsg[] = []
  for (let position = from; position >= to; position--) {
    const { id: message, fromMe, text, at } = generatedMessage(plan, conversation.index, position)
    messages.push({
      msgOrderId: position,
      message: {
        key: { remoteJid: id, fromMe, id: message },
        message: proto.Message.decode(textContent(text)),
        messageTimestamp: at,
        ...(fromMe ? { status: proto.WebMessageInfo.Status.READ } : { pushName: conversation.name }),
      },
    })
  }
  return {
    id,
    pnJid: `${conversation.number}@s.whatsapp.net`,
    name: conversation.name,
    displayName: conversation.name,
    unreadCount: conversation.index % 3,
    conversationTimestamp: FIRST + conversation.index + (conversation.messages - 1) * 60,
    endOfHistoryTransfer: true,
    endOfHistoryTransferType:
      plan.onDemand > 0 && conversation.messages > 1
        ? proto.Conversation.EndOfHistoryTransferType.COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY
        : proto.Conversation.EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    messages,
  }
}

/** The lowest position that comes unasked; what is older the companion must ask for. */
export function firstUnasked(plan: GeneratedHistory, conversation: GeneratedConversation): number {
  return Math.min(plan.onDemand, conversation.messages - 1)
}

/**
 * The messages that come unasked after the newest one of each conversation, in chunks of `plan.chunk`: a conversation may go on in the
 * next chunk. Others are served meanwhile.
 */
export async function* generatedChunks(plan: GeneratedHistory): AsyncGenerator<proto.IConversation[]> {
  let chunk: proto.IConversation[] = []
  let room = plan.chunk
  for (const conversation of generatedConversations(plan)) {
    const last = firstUnasked(plan, conversation)
    for (let from = conversation.messages - 2; from >= last;) {
      const to = Math.max(last, from - room + 1)
      const messages: proto.IHistorySyncMsg[] = []
      for (let newest = from; newest >= to; newest -= AT_ONCE) {
        messages.push(...(generatedPart(plan, conversation, newest, Math.max(to, newest - AT_ONCE + 1)).messages ?? []))
        await setImmediate()
      }
      chunk.push({ ...generatedPart(plan, conversation, 0, 1), messages })
      room -= from - to + 1
      from = to - 1
      if (room > 0) continue
      yield chunk
      chunk = []
      room = plan.chunk
    }
  }
  if (chunk.length > 0) yield chunk
}

/** Messages that are made at once. */
const AT_ONCE = 250

/** SHA-256 of all that comes unasked, as lines `lid id fromMe at text` (fromMe 1 or 0) sorted by code units. */
export function generatedDigest(plan: GeneratedHistory): { messages: number; sha256: string } {
  const lines: string[] = []
  for (const conversation of generatedConversations(plan)) {
    for (let position = firstUnasked(plan, conversation); position < conversation.messages; position++) {
      const { id, fromMe, at, text } = generatedMessage(plan, conversation.index, position)
      lines.push(`${conversation.lid} ${id} ${fromMe ? 1 : 0} ${at} ${text}\n`)
    }
  }
  const hash = createHash('sha256')
  // oxlint-disable-next-line require-array-sort-compare -- code units are the order that is promised
  for (const line of lines.toSorted()) hash.update(line)
  return { messages: lines.length, sha256: hash.digest('hex') }
}

const FIRST = 1_700_000_000

const WORDS: readonly string[] =
  'hola gracias mañana pedido azul camiseta talla envío cuándo precio perfecto vale tarde tienda recoger factura 🙂 café número calle'.split(
    ' ',
  )

function digest(seed: string, what: string, index: number): Buffer {
  return createHash('sha256').update(`${seed} ${what} ${index}`).digest()
}
