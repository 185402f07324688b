import { isJidGroup, proto, type WAMessage } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import { emptyBatch, type GroupParticipant, type InboundBatch, type InboundChat } from '#shared/inbound.ts'
import type { SyncType } from './history-notice.ts'
import { readStub } from './history-stubs.ts'
import { seconds } from './normalise-changes.ts'
import { addMessage, addPair, chatJid } from './normalise.ts'
import type { Self } from './self.ts'

/** A token with which messages to a person prove that they are welcome (Baileys' tctoken). Times are epoch seconds. */
export interface PrivacyToken {
  jid: string
  token: Uint8Array
  at: number
  sentAt?: number
}

export interface ReadConversation {
  batch: InboundBatch
  pairs: { pn: string; lid: string }[]
  tokens: PrivacyToken[]
}

const { EndOfHistoryTransferType } = proto.Conversation
const { StubType } = proto.WebMessageInfo

/**
 * One conversation of a chunk as the store takes it, messages oldest first. `other` is the other JID of a person, as the chunk's own
 * mappings say. How a chat stands (unread, archived, pinned, muted) is said in every chunk; which of them counts, the store decides.
 * A message that can't be read is left out. Pure.
 */
export function readConversation(
  conversation: proto.IConversation,
  self: Self,
  syncType: SyncType,
  other: (jid: string) => string | undefined,
): ReadConversation {
  const batch = emptyBatch()
  const read: ReadConversation = { batch, pairs: [], tokens: [] }
  const jid = chatJid(conversation.id)
  if (!jid) return read
  const messages = (conversation.messages ?? []).flatMap(({ message }) => (message?.key ? [message as WAMessage] : []))
  const alt = altOf(conversation, jid, messages) ?? other(jid)
  if (alt) {
    const pair = emptyBatch()
    if (jid.endsWith('@lid')) addPair(pair, alt, jid)
    else addPair(pair, jid, alt)
    read.pairs.push(...pair.people.flatMap((person) => (person.alt ? [{ pn: person.jid, lid: person.alt }] : [])))
  }
  for (const message of messages) addHistoryMessage(batch, message, self, conversation.id ?? jid)
  // What messages said of the chat is how it stood then; how it stands the chunk says.
  batch.chats.length = 0
  batch.messages.sort((a, b) => a.at - b.at)
  const unread = Math.max(0, conversation.unreadCount ?? 0)
  // Only the first chunk holds the newest messages of every chat, which the count is about.
  markUnread(batch, syncType === 'initial' ? unread : 0)
  const newest = Math.max(seconds(conversation.conversationTimestamp), batch.messages.at(-1)?.at ?? 0)
  const newestIds = batch.messages.filter(({ fromMe, at }) => !fromMe && at >= newest).map(({ waId }) => waId)
  batch.chats.push({ ...chatOf(conversation, jid, alt, unread, newest), snapshotIds: newestIds })
  const { tcToken, tcTokenTimestamp, tcTokenSenderTimestamp } = conversation
  if (tcToken?.length && seconds(tcTokenTimestamp) > 0)
    read.tokens.push({
      jid,
      token: tcToken,
      at: seconds(tcTokenTimestamp),
      ...(seconds(tcTokenSenderTimestamp) > 0 ? { sentAt: seconds(tcTokenSenderTimestamp) } : {}),
    })
  return read
}

function chatOf(
  conversation: proto.IConversation,
  jid: string,
  alt: string | undefined,
  unread: number,
  newest: number,
): InboundChat {
  const name = conversation.displayName ?? conversation.name
  const { endOfHistoryTransferType: end } = conversation
  const isComplete = end === EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY
  const muted = millisecondsOf(conversation.muteEndTime)
  return {
    jid,
    ...(alt ? { alt } : {}),
    ...(name ? { name } : {}),
    unread,
    snapshotAt: newest,
    ...(typeof conversation.archived === 'boolean' ? { archived: conversation.archived } : {}),
    ...(typeof conversation.pinned === 'number' ? { pinnedAt: conversation.pinned || null } : {}),
    ...(conversation.muteEndTime === null || conversation.muteEndTime === undefined ? {} : { mutedUntil: muted }),
    ...(typeof conversation.markedAsUnread === 'boolean' ? { markedUnread: conversation.markedAsUnread } : {}),
    ...(typeof conversation.ephemeralExpiration === 'number'
      ? { disappearingSeconds: conversation.ephemeralExpiration }
      : {}),
    ...(end === null || end === undefined ? {} : { historyComplete: isComplete }),
    ...(isJidGroup(jid) ? { group: groupOf(conversation) } : {}),
  }
}

/** Mute ends are epoch seconds or, in newer versions of WhatsApp, ms; -1 is for ever, 0 not at all. */
function millisecondsOf(time: proto.IConversation['muteEndTime']): number | null {
  const value = Number(time?.toString() ?? 0)
  if (value < 0) return -1
  if (!Number.isFinite(value) || value === 0) return null
  return value < 1e11 ? value * 1_000 : value
}

function groupOf(conversation: proto.IConversation): NonNullable<InboundChat['group']> {
  const owner = normalizeJid(conversation.createdBy)
  const parent = normalizeJid(conversation.parentGroupId)
  const created = seconds(conversation.createdAt)
  const participants = (conversation.participant ?? []).flatMap(({ userJid, rank }): GroupParticipant[] => {
    const jid = normalizeJid(userJid)
    return jid && isPersonJid(jid) ? [{ jid, role: roles[rank ?? 0] ?? 'member' }] : []
  })
  return {
    facts: {
      ...(owner && isPersonJid(owner) ? { owner_jid: owner } : {}),
      ...(conversation.description ? { description: conversation.description.slice(0, 4096) } : {}),
      ...(created > 0 ? { created_on_whatsapp_at: new Date(created * 1_000).toISOString() } : {}),
      ...(typeof conversation.ephemeralExpiration === 'number'
        ? { disappearing_seconds: conversation.ephemeralExpiration || null }
        : {}),
      ...(parent?.endsWith('@g.us') ? { parent_jid: parent } : {}),
    },
    ...(participants.length > 0 ? { participants } : {}),
  }
}

const roles = ['member', 'admin', 'superadmin'] as const

/** The other JID of the chat's person: said, or, for a LID, the number that has received what the account wrote. */
function altOf(conversation: proto.IConversation, jid: string, messages: WAMessage[]): string | undefined {
  if (!isPersonJid(jid)) return undefined
  const isLid = jid.endsWith('@lid')
  const said = normalizeJid(isLid ? conversation.pnJid : (conversation.lidJid ?? conversation.accountLid))
  if (said && said !== jid && isPersonJid(said)) return said
  if (!isLid) return undefined
  const receipt = messages.find((message) => message.key.fromMe && message.userReceipt?.length)?.userReceipt?.[0]
  const receiver = normalizeJid(receipt?.userJid)
  return receiver?.endsWith('@s.whatsapp.net') ? receiver : undefined
}

/** Adds a message with all that has happened to it since: reactions, receipts of a group's members, its deletion. */
function addHistoryMessage(batch: InboundBatch, message: WAMessage, self: Self, chatId: string): void {
  const { messages, people, changes, receipts } = batch
  const counts = [messages, people, changes, receipts].map((list) => list.length)
  try {
    const { key } = message
    key.remoteJid ??= chatId
    key.participant ??= message.participant ?? null
    addMessage(batch, message, self, false)
    const chat = chatJid(key.remoteJid)
    if (!chat || !key.id) return
    const notice = readStub(message, chat, self)
    if (notice) messages.push(notice)
    const own = key.fromMe === true
    const sender = isJidGroup(chat) && !own ? normalizeJid(key.participant) : null
    const about = { chat, waId: key.id, fromMe: own, ...(sender ? { sender } : {}) }
    if (message.messageStubType === StubType.REVOKE)
      changes.push({ ...about, at: seconds(message.messageTimestamp), kind: 'revoke' })
    for (const reaction of message.reactions ?? []) {
      const by = reaction.key
      const from = by?.fromMe ? 'me' : normalizeJid(by?.participant || (isJidGroup(chat) ? null : chat))
      const atMs = seconds(reaction.senderTimestampMs)
      const emoji = reaction.text || null
      if (!from || (from !== 'me' && !isPersonJid(from)) || (emoji && (emoji.length > 32 || emoji.includes('\0'))))
        continue
      changes.push({ ...about, at: Math.floor(atMs / 1_000), kind: 'reaction', from, emoji, atMs })
    }
    if (own && isJidGroup(chat)) addMemberReceipts(batch, chat, key.id, message.userReceipt ?? [])
  } catch {
    for (const [at, list] of [messages, people, changes, receipts].entries()) list.splice(counts[at] ?? 0)
  }
}

function addMemberReceipts(batch: InboundBatch, chat: string, waId: string, userReceipts: proto.IUserReceipt[]): void {
  for (const receipt of userReceipts) {
    const member = normalizeJid(receipt.userJid)
    if (!member || !isPersonJid(member)) continue
    const steps = [
      ['delivered', receipt.receiptTimestamp],
      ['read', receipt.readTimestamp],
      ['played', receipt.playedTimestamp],
    ] as const
    for (const [status, time] of steps)
      if (seconds(time) > 0)
        batch.receipts.push({ chat, waId, fromMe: true, status, member: { jid: member, at: seconds(time) } })
  }
}

/** Of a chat with n unread, the newest n incoming messages are unread and the others read. Messages come oldest first. */
function markUnread(batch: InboundBatch, unread: number): void {
  let left = unread
  for (const message of batch.messages.toReversed()) {
    if (message.fromMe || message.type === 'notice') continue
    message.status = left > 0 ? 'received' : message.status === 'played' ? 'played' : 'read'
    left -= 1
  }
}
