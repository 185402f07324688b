import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { firstUnasked, generatedChunks, generatedConversations, generatedPart } from './generated-history.ts'
import { groupByJid, isGroupJid } from './group.ts'
import { jidOf } from './jid.ts'
import { storeMedia } from './media-store.ts'
import { nameOf } from './person.ts'
import { sendPeer } from './phone-send.ts'
import type { SentChunk } from './sent-chunk.ts'
import type { Chat, Device, GeneratedHistory, Person, PhoneMessage } from './state.ts'
import { findPerson, messageId, type World } from './world.ts'

/**
 * What a phone gives a companion after its first login: the app-state key, the newest part of every chat (INITIAL_BOOTSTRAP), the people's
 * own names (PUSH_NAME), and the older messages (RECENT, progress 100). All inline: `initialHistBootstrapInlinePayload` is the zlib-compressed
 * WAProto `HistorySync` (Baileys `Utils/history.js`).
 */
export async function sendHistory(world: World, person: Person, device: Device): Promise<void> {
  device.historySent = true
  world.changed()
  const { KEY_SHARE, BOOTSTRAP, NAMES, RECENT } = TYPES
  await sendPeer(world, person, device, messageId(world), {
    type: KEY_SHARE,
    appStateSyncKeyShare: {
      keys: [
        {
          keyId: { keyId: person.appStateKey.id },
          keyData: { keyData: person.appStateKey.data, timestamp: Date.now() },
        },
      ],
    },
  })
  const chats = person.chats.filter((chat) => chat.messages.length > 0)
  const mappings = [person, ...chats.map((chat) => findPerson(world, chat.with))]
    .filter((each) => each !== undefined)
    .filter((each) => !each.numberHidden)
    .map((each) => ({ pnJid: jidOf(each, 'pn'), lidJid: jidOf(each, 'lid') }))
  await sendChunk(world, person, device, 1, 50, {
    syncType: BOOTSTRAP,
    conversations: chats.map((chat) => conversation(world, person, chat, newest(chat).slice(0, BOOTSTRAP_MESSAGES))),
    phoneNumberToLidMappings: mappings,
  })
  const known = person.contacts.map((contact) => findPerson(world, contact.number)).filter((each) => each !== undefined)

  await sendChunk(world, person, device, 1, 100, {
    syncType: NAMES,
    pushnames: [person, ...known].map((each) => ({
      id: jidOf(each, each.numberHidden ? 'lid' : 'pn'),
      pushname: each.name,
    })),
  })
  const older = chats.filter((chat) => chat.messages.length > BOOTSTRAP_MESSAGES)
  await sendChunk(world, person, device, 2, 100, {
    syncType: RECENT,
    conversations: older.map((chat) =>
      conversation(world, person, chat, newest(chat).slice(BOOTSTRAP_MESSAGES, RECENT_MESSAGES)),
    ),
    phoneNumberToLidMappings: mappings,
  })
  if (person.generated) await sendGenerated(world, person, device, person.generated)
  world.events.publish('history.sent', person.number, { device: device.id, chats: chats.length })
}

/** The newest message of each generated conversation, then the others in chunks: the first half RECENT, the second FULL. */
async function sendGenerated(world: World, person: Person, device: Device, plan: GeneratedHistory): Promise<void> {
  const conversations = generatedConversations(plan)
  const newestOnly = conversations.map((each) => generatedPart(plan, each, each.messages - 1, each.messages - 1))
  const phoneNumberToLidMappings = conversations.map((each) => ({
    pnJid: `${each.number}@s.whatsapp.net`,
    lidJid: `${each.lid}@lid`,
  }))
  const bootstrap = { syncType: TYPES.BOOTSTRAP, conversations: newestOnly, phoneNumberToLidMappings }
  await sendChunk(world, person, device, 2, 1, bootstrap, { external: plan.delivery === 'external' })
  const unasked = conversations.reduce((sum, each) => sum + each.messages - 1 - firstUnasked(plan, each), 0)
  const chunks = Math.ceil(unasked / plan.chunk)
  let order = 0
  for await (const part of generatedChunks(plan)) {
    order++
    const syncType = order <= Math.ceil(chunks / 2) ? TYPES.RECENT : TYPES.FULL
    const progress = Math.max(1, Math.floor((100 * order) / chunks))
    const history = { syncType, conversations: part }
    await sendChunk(world, person, device, order + 2, progress, history, { external: plan.delivery === 'external' })
  }
}

/** Sends one chunk of history as a peer message. */
export async function sendChunk(
  world: World,
  person: Person,
  device: Device,
  chunkOrder: number,
  progress: number,
  history: proto.IHistorySync,
  options: { request?: string; external?: boolean } = {},
): Promise<void> {
  const { request, external = false } = options
  return announce(world, person, device, {
    encoded: await compress(await encode({ ...history, chunkOrder, progress })),
    external,
    facts: {
      syncType: history.syncType as number as proto.Message.HistorySyncType,
      chunkOrder,
      progress,
      ...(request !== undefined && { peerDataRequestSessionId: request }),
    },
  })
}

const compress = promisify(deflate)

/** A HistorySync, one conversation after another: what is encoded apart and put together is one message (proto3 encoding, "Last One Wins"). */
async function encode({ conversations, syncType = null, ...facts }: proto.IHistorySync): Promise<Buffer> {
  const parts = [proto.HistorySync.encode({ ...facts, syncType }).finish()]
  for (const each of conversations ?? []) {
    parts.push(proto.HistorySync.encode({ syncType, conversations: [each] }).finish())
    await setImmediate()
  }
  return Buffer.concat(parts)
}

/** Sends a chunk once more that a companion could not get, with a file of its own. False for one that was never sent to it. */
export async function sendChunkAgain(
  world: World,
  person: Person,
  device: Device,
  wanted: proto.Message.PeerDataOperationRequestMessage.IHistorySyncChunkRetryRequest,
): Promise<boolean> {
  const chunk = world.historyChunks.get(`${person.number}:${device.id}/${wanted.chunkNotificationId ?? ''}`)
  if (!chunk || chunk.facts.syncType !== wanted.syncType || chunk.facts.chunkOrder !== wanted.chunkOrder) return false
  await announce(world, person, device, chunk)
  return true
}

function announce(world: World, person: Person, device: Device, chunk: SentChunk): Promise<void> {
  const id = messageId(world)
  world.historyChunks.set(`${person.number}:${device.id}/${id}`, chunk)
  return sendPeer(world, person, device, id, {
    type: TYPES.NOTIFICATION,
    historySyncNotification: {
      ...chunk.facts,
      ...(chunk.external
        ? storeMedia(world, 'History', chunk.encoded)
        : { initialHistBootstrapInlinePayload: chunk.encoded }),
    },
  })
}

/** A chat as history shows it, messages newest first. Saved contacts' chats go by number, others by LID, as phones have both. */
export function conversation(world: World, person: Person, chat: Chat, messages: PhoneMessage[]): proto.IConversation {
  const oldest = messages.at(-1)
  const more = oldest !== undefined && newest(chat).at(-1) !== oldest
  return {
    ...identified(world, person, chat),
    name: nameOf(world, person, chat.with),
    displayName: nameOf(world, person, chat.with),
    unreadCount: chat.unread,
    conversationTimestamp: newest(chat)[0]?.at ?? 0,
    endOfHistoryTransfer: true,
    endOfHistoryTransferType: more
      ? END.COMPLETE_BUT_MORE_MESSAGES_REMAIN_ON_PRIMARY
      : END.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    messages: messages.map((message) => ({
      message: webMessage(world, person, chat, message),
      msgOrderId: message.n,
    })),
  }
}

/** A message in the form that history and resend answers carry. */
export function webMessage(world: World, person: Person, chat: Chat, message: PhoneMessage): proto.IWebMessageInfo {
  const group = groupByJid(world, chat.with)
  const author = message.fromMe ? person : findPerson(world, message.author ?? chat.with)
  const participant = group && author ? jidOf(author, group.addressed) : undefined
  return {
    key: {
      remoteJid: identified(world, person, chat).id,
      fromMe: message.fromMe,
      id: message.id,
      ...(participant && { participant }),
    },
    message: proto.Message.decode(message.content),
    messageTimestamp: message.at,
    ...(participant && { participant }),
    ...(message.fromMe ? { status: STATUS[message.status] } : { pushName: author?.name ?? '' }),
  }
}

/** The JID that a chat has in history, and the person's other one. */
export function identified(
  world: World,
  person: Person,
  chat: Pick<Chat, 'with'>,
): { id: string; lidJid?: string; pnJid?: string } {
  const other = findPerson(world, chat.with)
  if (isGroupJid(chat.with)) return { id: chat.with }
  if (!other) return { id: `${chat.with}@s.whatsapp.net` }
  if (other.numberHidden) return { id: jidOf(other, 'lid') }
  const saved = person.contacts.some((contact) => contact.number === chat.with && contact.saved)
  if (saved) return { id: jidOf(other, 'pn'), lidJid: jidOf(other, 'lid') }
  return { id: jidOf(other, 'lid'), pnJid: jidOf(other, 'pn') }
}

/** How many messages of a chat come with the first chunk, and how many in all; older ones only when the companion asks. */
const BOOTSTRAP_MESSAGES = 20
const RECENT_MESSAGES = 200

const END = proto.Conversation.EndOfHistoryTransferType

const STATUS = {
  sent: proto.WebMessageInfo.Status.SERVER_ACK,
  delivered: proto.WebMessageInfo.Status.DELIVERY_ACK,
  read: proto.WebMessageInfo.Status.READ,
  played: proto.WebMessageInfo.Status.PLAYED,
}

const TYPES = {
  KEY_SHARE: proto.Message.ProtocolMessage.Type.APP_STATE_SYNC_KEY_SHARE,
  NOTIFICATION: proto.Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION,
  BOOTSTRAP: proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
  NAMES: proto.HistorySync.HistorySyncType.PUSH_NAME,
  RECENT: proto.HistorySync.HistorySyncType.RECENT,
  FULL: proto.HistorySync.HistorySyncType.FULL,
}

function newest(chat: Chat): PhoneMessage[] {
  return chat.messages.toSorted((one, other) => other.at - one.at || other.n - one.n)
}
