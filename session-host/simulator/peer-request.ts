import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { generatedConversations, generatedMessage, generatedPart } from './generated-history.ts'
import { conversation, sendChunk, sendChunkAgain, webMessage } from './history.ts'
import { sendPeer } from './phone-send.ts'
import type { Device, GeneratedHistory, Person } from './state.ts'
import { count, findPerson, messageId, type World } from './world.ts'

/** A companion asks its phone for something: older history of a chat, or a message that it could not read. */
export async function answerPeerRequest(
  world: World,
  person: Person,
  device: Device,
  requestId: string,
  message: proto.IMessage,
): Promise<void> {
  const request = message.protocolMessage?.peerDataOperationRequestMessage
  const { HISTORY_SYNC_ON_DEMAND, HISTORY_SYNC_CHUNK_RETRY, PLACEHOLDER_MESSAGE_RESEND } =
    proto.Message.PeerDataOperationRequestType
  if (request?.peerDataOperationRequestType === HISTORY_SYNC_ON_DEMAND && request.historySyncOnDemandRequest) {
    await olderMessages(world, person, device, requestId, request.historySyncOnDemandRequest)
  } else if (request?.peerDataOperationRequestType === PLACEHOLDER_MESSAGE_RESEND) {
    const ids = (request.placeholderMessageResendRequest ?? []).map((each) => each.messageKey?.id ?? '')
    await resendPlaceholders(world, person, device, requestId, ids)
  } else if (
    request?.peerDataOperationRequestType === HISTORY_SYNC_CHUNK_RETRY &&
    request.historySyncChunkRetryRequest &&
    (await sendChunkAgain(world, person, device, request.historySyncChunkRetryRequest))
  ) {
    count(world, 'history_chunks_sent_again')
  } else count(world, 'peer_requests_ignored')
}

async function olderMessages(
  world: World,
  person: Person,
  device: Device,
  requestId: string,
  wanted: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
): Promise<void> {
  const generated = person.generated && olderGenerated(person.generated, wanted)
  if (generated) {
    await sendChunk(
      world,
      person,
      device,
      1,
      100,
      { syncType: ON_DEMAND, conversations: [generated] },
      { request: requestId },
    )
    return
  }
  const other = findPerson(world, wanted.chatJid ?? '')
  const name = other?.number ?? wanted.chatJid
  const chat = person.chats.find((each) => each.with === name)
  if (!chat) return
  const oldest = chat.messages.find((each) => each.id === wanted.oldestMsgId)
  const limit = wanted.onDemandMsgCount ?? 50
  const before = chat.messages
    .filter((each) => !oldest || each.at < oldest.at || (each.at === oldest.at && each.n < oldest.n))
    .toSorted((one, another) => another.at - one.at || another.n - one.n)
    .slice(0, limit)
  const history = {
    syncType: ON_DEMAND,
    conversations: [conversation(world, person, chat, before)],
  }
  await sendChunk(world, person, device, 1, 100, history, { request: requestId })
}

function olderGenerated(
  plan: GeneratedHistory,
  wanted: proto.Message.PeerDataOperationRequestMessage.IHistorySyncOnDemandRequest,
): proto.IConversation | undefined {
  const conversation = generatedConversations(plan).find(
    (each) => wanted.chatJid === `${each.lid}@lid` || wanted.chatJid === `${each.number}@s.whatsapp.net`,
  )
  if (!conversation) return undefined
  let before = conversation.messages
  for (let position = 0; position < conversation.messages; position++) {
    if (generatedMessage(plan, conversation.index, position).id === wanted.oldestMsgId) before = position
  }
  return generatedPart(plan, conversation, before - 1, Math.max(0, before - (wanted.onDemandMsgCount ?? 50)))
}

const { ON_DEMAND } = proto.HistorySync.HistorySyncType

async function resendPlaceholders(
  world: World,
  person: Person,
  device: Device,
  requestId: string,
  ids: string[],
): Promise<void> {
  const results = ids.map((id) => {
    const chat = person.chats.find((each) => each.messages.some((message) => message.id === id))
    const message = chat?.messages.find((each) => each.id === id)
    if (!message || !chat) return {}
    const info = webMessage(world, person, chat, message)
    return { placeholderMessageResendResponse: { webMessageInfoBytes: proto.WebMessageInfo.encode(info).finish() } }
  })
  await sendPeer(world, person, device, messageId(world), {
    type: proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
    peerDataOperationRequestResponseMessage: {
      peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
      stanzaId: requestId,
      peerDataOperationResult: results,
    },
  })
}
