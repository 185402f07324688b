import { proto } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import { syncTypeOf } from './history-notice.ts'
import { addPair } from './normalise.ts'
import type { Self } from './self.ts'
import { readConversation, type PrivacyToken } from './normalise-history.ts'

/** A part of a chunk that is stored in one transaction. */
export interface HistorySlice {
  batch: InboundBatch
  /** Numbers and LIDs that the phone says are one person, whether they have a chat or not. */
  pairs: { pn: string; lid: string }[]
  tokens: PrivacyToken[]
  /** Conversations of the chunk that are complete with this slice. */
  position: number
  isLast: boolean
}

export interface SliceLimits {
  /** Messages a slice at most. */
  messages: number
  /** Conversations, people or pairs a slice at most. */
  others: number
}

/** So large that a transaction is worth it, so small that nobody notices how long it takes. */
const defaultLimits: SliceLimits = { messages: 500, others: 50 }

const field = { conversation: 2, pushname: 7, mapping: 15 }

/**
 * Cuts a chunk (WAProto HistorySync, decoded one conversation at a time) into slices: names and pairs first, then the conversations in
 * their order, each one's messages oldest first. `position` skips conversations that are stored. The last slice may be empty. Pure.
 * @throws RangeError or Error for bytes that are no HistorySync.
 */
export function* sliceHistory(
  bytes: Uint8Array,
  self: Self,
  position = 0,
  limits: SliceLimits = defaultLimits,
): Generator<HistorySlice, void, void> {
  const parts = readFields(bytes)
  const syncType = syncTypeOf(parts.syncType)
  const pairs = parts.mappings.flatMap((part) => pairOf(proto.PhoneNumberToLIDMapping.decode(part)))
  const lidByPn = new Map(pairs.map(({ pn, lid }) => [pn, lid]))
  const pnByLid = new Map(pairs.map(({ pn, lid }) => [lid, pn]))
  const other = (jid: string): string | undefined => lidByPn.get(jid) ?? pnByLid.get(jid)

  if (position === 0) {
    for (const group of chunked(pairs, limits.others * 4)) yield { ...emptySlice(0), pairs: group }
    for (const group of chunked(parts.pushnames, limits.others)) {
      const slice = emptySlice(0)
      for (const part of group) {
        const { id, pushname } = proto.Pushname.decode(part)
        const jid = normalizeJid(id)
        const alt = jid && other(jid)
        if (jid && pushname) slice.batch.people.push({ jid, pushName: pushname, ...(alt ? { alt } : {}) })
      }
      yield slice
    }
  }

  let slice = emptySlice(position)
  for (const [index, part] of parts.conversations.entries()) {
    if (index < position) continue
    const read = readConversation(proto.Conversation.decode(part), self, syncType, other)
    const { people, chats, receipts, changes } = read.batch
    slice.batch.people.push(...people)
    slice.batch.chats.push(...chats)
    slice.pairs.push(...read.pairs)
    slice.tokens.push(...read.tokens)
    for (const message of read.batch.messages) {
      if (slice.batch.messages.length >= limits.messages) {
        yield slice
        slice = emptySlice(index)
      }
      slice.batch.messages.push(message)
    }
    // What happened to messages, once these are there.
    slice.batch.receipts.push(...receipts)
    slice.batch.changes.push(...changes)
    slice.position = index + 1
    if (isFull(slice, limits)) {
      yield slice
      slice = emptySlice(index + 1)
    }
  }
  yield { ...slice, position: parts.conversations.length, isLast: true }
}

function isFull({ batch }: HistorySlice, limits: SliceLimits): boolean {
  return batch.messages.length >= limits.messages || batch.chats.length >= limits.others
}

function emptySlice(position: number): HistorySlice {
  return { batch: emptyBatch(), pairs: [], tokens: [], position, isLast: false }
}

function pairOf({ pnJid, lidJid }: proto.IPhoneNumberToLIDMapping): { pn: string; lid: string }[] {
  const batch = emptyBatch()
  if (pnJid && lidJid) addPair(batch, pnJid, lidJid)
  return batch.people.flatMap(({ jid, alt }) => (alt ? [{ pn: jid, lid: alt }] : []))
}

function chunked<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  )
}

interface Fields {
  syncType: number | undefined
  conversations: Uint8Array[]
  pushnames: Uint8Array[]
  mappings: Uint8Array[]
}

/** The parts of a HistorySync, undecoded: decoded all at once, a chunk takes several times its size. */
function readFields(bytes: Uint8Array): Fields {
  const fields: Fields = { syncType: undefined, conversations: [], pushnames: [], mappings: [] }
  let at = 0
  function varint(): number {
    let value = 0
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('the chunk ends too early')
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0: {
        const value = varint()
        if (number === 1) fields.syncType = value
        break
      }
      case 1:
        at += 8
        break
      case 5:
        at += 4
        break
      case 2: {
        const length = varint()
        const part = bytes.subarray(at, at + length)
        if (part.length < length) throw new RangeError('the chunk ends too early')
        at += length
        if (number === field.conversation) fields.conversations.push(part)
        if (number === field.pushname) fields.pushnames.push(part)
        if (number === field.mapping) fields.mappings.push(part)
        break
      }
      default:
        throw new RangeError('the chunk is no history')
    }
  }
  return fields
}
