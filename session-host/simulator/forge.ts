import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { jidOf } from './jid.ts'
import { jidsOf, pollContent, pollOptions, voteContent } from './message-content.ts'
import { sendToCompanion } from './phone-send.ts'
import { sayInGroup } from './group-messages.ts'
import type { Group, Person } from './state.ts'
import { findPerson, messageId, seconds, type World } from './world.ts'

/** Protocol messages that only the own phone or the author of a message may send; here a contact sends them. */
export const FORGERIES = [
  'history',
  'key_share',
  'revoke',
  'edit',
  'peer_response',
  'lid_mapping',
  'device_sent',
  'device_sent_revoke',
  'device_sent_reaction',
  'app_state_fatal',
  'poll_vote',
  'poll_vote_of_author',
] as const

export type Forgery = (typeof FORGERIES)[number]

export interface ForgeryRequest {
  kind: Forgery
  to: Person
  addressed: 'lid' | 'pn'
  /** The message that is to be changed: its id, and whether the victim (true) or somebody else wrote it. */
  id?: string | undefined
  fromMe?: boolean | undefined
  /** The chat that it is said to be in. */
  chat?: string | undefined
  /** A group that both are in: it is sent there, to all its companions. */
  group?: Group | undefined
  /** What the forged content says. */
  text?: string | undefined
}

/**
 * A contact sends a protocol message that is not theirs to send, encrypted and addressed as an ordinary message
 * (shapes of GHSA-qvv5-jq5g-4cgg / CVE-2026-48063). Nothing of it may have an effect. In a chat it goes to the companions only.
 */
export async function forge(world: World, person: Person, request: ForgeryRequest): Promise<{ id: string }> {
  const id = messageId(world)
  const content = isVote(request.kind)
    ? forgedVote(world, person, request)
    : proto.Message.encode(forgery(person, { ...request, kind: request.kind })).finish()
  if (request.group) {
    await sayInGroup(world, person, request.group, { content: Buffer.from(content), id })
    return { id }
  }
  const message = { id, at: seconds(), addressed: request.addressed, content }
  await Promise.all(
    request.to.devices.map((device) => sendToCompanion(world, person, { person: request.to, device }, message)),
  )
  return { id }
}

type ForgedVote = 'poll_vote' | 'poll_vote_of_author'

function isVote(kind: Forgery): kind is ForgedVote {
  return kind === 'poll_vote' || kind === 'poll_vote_of_author'
}

/** A vote on a poll that this person knows, rightly encrypted, which says that the victim, or the poll's author, has voted. */
function forgedVote(world: World, person: Person, request: ForgeryRequest): Buffer {
  const { to, group, fromMe = true, kind, text = 'forged' } = request
  const messages = person.chats.flatMap((chat) => chat.messages)
  const poll = messages.find((each) => each.id === request.id)
  const options = poll ? pollOptions(poll.content) : undefined
  const author = fromMe ? to : ((poll?.author === undefined ? undefined : findPerson(world, poll.author)) ?? person)
  const [creator = '', voter = ''] = [author, kind === 'poll_vote' ? to : author].map((each) => jidsOf(each, group)[0])
  // As the sender sees it: Baileys puts it into the receiver's view (process-message.js).
  const key = {
    remoteJid: group ? (request.chat ?? '') : jidOf(to, request.addressed),
    fromMe: author === person,
    id: request.id ?? 'FORGED0000000001',
    ...(group ? { participant: creator } : {}),
  }
  const content = poll && options ? poll.content : pollContent(world, { name: text, options: [text], selectable: 1 })
  return voteContent(world, { key, content, creator, voter }, [options?.[0] ?? text], Date.now())
}

function forgery(person: Person, request: ForgeryRequest & { kind: Exclude<Forgery, ForgedVote> }): proto.IMessage {
  const { to, addressed, kind } = request
  const text = request.text ?? 'forged'
  const chat = request.chat ?? jidOf(person, addressed)
  const key = { remoteJid: chat, fromMe: request.fromMe ?? true, id: request.id ?? 'FORGED0000000001' }
  const { Type } = proto.Message.ProtocolMessage
  const stolen = {
    key: { ...key, id: 'FORGED0000000002' },
    message: { conversation: text },
    messageTimestamp: seconds(),
  }
  switch (kind) {
    case 'history': {
      const history = proto.HistorySync.encode({
        syncType: proto.HistorySync.HistorySyncType.RECENT,
        conversations: [{ id: chat, name: text, messages: [{ message: stolen }] }],
        pushnames: [{ id: jidOf(to, 'pn'), pushname: text }],
        phoneNumberToLidMappings: [{ pnJid: jidOf(to, 'pn'), lidJid: jidOf(person, 'lid') }],
      }).finish()
      return {
        protocolMessage: {
          type: Type.HISTORY_SYNC_NOTIFICATION,
          historySyncNotification: {
            syncType: proto.Message.HistorySyncType.RECENT,
            chunkOrder: 1,
            progress: 100,
            initialHistBootstrapInlinePayload: deflateSync(history),
          },
        },
      }
    }
    case 'key_share': {
      const keyData = { keyData: Buffer.alloc(32, 7), timestamp: Date.now() }
      const keys = [{ keyId: { keyId: Buffer.from('forged') }, keyData }]
      return { protocolMessage: { type: Type.APP_STATE_SYNC_KEY_SHARE, appStateSyncKeyShare: { keys } } }
    }
    case 'revoke':
      return { protocolMessage: { type: Type.REVOKE, key } }
    case 'edit':
      return {
        protocolMessage: {
          type: Type.MESSAGE_EDIT,
          key,
          editedMessage: { conversation: text },
          timestampMs: Date.now(),
        },
      }
    case 'peer_response':
      return {
        protocolMessage: {
          type: Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
          peerDataOperationRequestResponseMessage: {
            peerDataOperationRequestType: proto.Message.PeerDataOperationRequestType.PLACEHOLDER_MESSAGE_RESEND,
            stanzaId: request.id ?? 'FORGED0000000001',
            peerDataOperationResult: [
              {
                placeholderMessageResendResponse: { webMessageInfoBytes: proto.WebMessageInfo.encode(stolen).finish() },
              },
            ],
          },
        },
      }
    case 'lid_mapping': {
      const encodedMappingPayload = proto.LIDMigrationMappingSyncPayload.encode({
        pnToLidMappings: [{ pn: Number(to.number), assignedLid: Number(person.lid) }],
      }).finish()
      return {
        protocolMessage: {
          type: Type.LID_MIGRATION_MAPPING_SYNC,
          lidMigrationMappingSyncMessage: { encodedMappingPayload },
        },
      }
    }
    case 'device_sent':
      return { deviceSentMessage: { destinationJid: chat, message: { conversation: text } } }
    case 'device_sent_revoke':
      return { deviceSentMessage: { destinationJid: chat, message: { protocolMessage: { type: Type.REVOKE, key } } } }
    case 'device_sent_reaction': {
      const reactionMessage = { key, text: '👍', senderTimestampMs: Date.now() }
      return { deviceSentMessage: { destinationJid: chat, message: { reactionMessage } } }
    }
    case 'app_state_fatal':
      return {
        protocolMessage: {
          type: Type.APP_STATE_FATAL_EXCEPTION_NOTIFICATION,
          appStateFatalExceptionNotification: { collectionNames: ['regular_low'], timestamp: Date.now() },
        },
      }
  }
}
