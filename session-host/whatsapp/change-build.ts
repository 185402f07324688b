import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { contentAlone, ownJid, recaption } from './content-build.ts'
import type { Self } from './self.ts'

/** The message that a change is about. */
export interface ChangeTarget {
  waId: string
  fromMe: boolean
  /** Who wrote it, in a group; null when the account did. */
  sender: string | null
  /** Of a poll, the WhatsApp message, which has the secret; of a file, the one that has the caption. */
  proto: Uint8Array | null
}

/** What an account does to a message, or to a chat. */
export type Change =
  | { kind: 'edit'; target: ChangeTarget; text: string }
  | { kind: 'delete'; target: ChangeTarget }
  /** `at` in epoch milliseconds. */
  | { kind: 'react'; target: ChangeTarget; emoji: string | null; at: number }
  | { kind: 'vote'; target: ChangeTarget; options: string[]; at: number }
  | { kind: 'timer'; seconds: number }

/** A change as it travels: the message, and the attribute of the stanza that says which kind of edit it is. */
export interface BuiltChange {
  message: proto.IMessage
  /** 1: edit; 7: deletion by the author; 8: by an admin of the group (Baileys Socket/messages-send.js). */
  edit?: '1' | '7' | '8'
  poll?: 'vote'
}

/** Builds a change of a chat's message; null for a vote on a poll whose secret is not known. */
export function buildChange(change: Change, chat: string, self: Self): BuiltChange | null {
  const { Type } = proto.Message.ProtocolMessage
  switch (change.kind) {
    case 'edit':
      return {
        message: {
          protocolMessage: {
            key: keyOf(change.target, chat),
            type: Type.MESSAGE_EDIT,
            editedMessage: editedBody(change),
            timestampMs: Date.now(),
          },
        },
        edit: '1',
      }
    case 'delete':
      return {
        message: { protocolMessage: { key: keyOf(change.target, chat), type: Type.REVOKE } },
        edit: change.target.fromMe ? '7' : '8',
      }
    case 'react':
      return {
        message: {
          reactionMessage: {
            key: keyOf(change.target, chat),
            text: change.emoji ?? '',
            senderTimestampMs: change.at,
          },
        },
      }
    case 'vote':
      return buildVote(change, chat, self)
    case 'timer':
      return {
        message: {
          ephemeralMessage: {
            message: { protocolMessage: { type: Type.EPHEMERAL_SETTING, ephemeralExpiration: change.seconds } },
          },
        },
      }
    default:
      return change satisfies never
  }
}

/** A text, or the file as it was sent with another caption. */
function editedBody({ target, text }: Change & { kind: 'edit' }): proto.IMessage {
  const kept = target.proto && contentAlone(proto.Message.decode(target.proto))
  const kind = (['imageMessage', 'videoMessage', 'documentMessage'] as const).find((each) => kept?.[each])
  if (!kept || !kind) return { extendedTextMessage: { text } }
  recaption(kept, text)
  // What a forwarded file said of where it came from does not go along.
  return { [kind]: { ...kept[kind], contextInfo: undefined } }
}

function keyOf({ waId, fromMe, sender }: ChangeTarget, chat: string): proto.IMessageKey {
  return { remoteJid: chat, fromMe, id: waId, ...(sender ? { participant: sender } : {}) }
}

/**
 * Each chosen option's SHA-256, encrypted with AES-256-GCM under a key that follows from the poll's secret, its id, its author and the
 * voter (what Baileys decryptPollVote undoes, Utils/process-message.js).
 */
function buildVote(change: Change & { kind: 'vote' }, chat: string, self: Self): BuiltChange | null {
  const { target, options, at } = change
  const secret = target.proto && proto.Message.decode(target.proto).messageContextInfo?.messageSecret
  if (secret?.length !== 32) return null
  const isByNumber = target.sender?.endsWith('@s.whatsapp.net') ?? chat.endsWith('@s.whatsapp.net')
  const me = isByNumber ? self.phone : (self.lid ?? self.phone)
  const creator = target.fromMe ? me : (target.sender ?? chat)
  const voter = chat.endsWith('@g.us') ? me : ownJid(chat, self)
  const first = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const parts = [target.waId, creator, voter, 'Poll Vote'].map((part) => Buffer.from(part))
  const key = createHmac('sha256', first)
    .update(Buffer.concat([...parts, Buffer.from([1])]))
    .digest()
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  cipher.setAAD(Buffer.from(`${target.waId}\0${voter}`))
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return {
    message: {
      pollUpdateMessage: {
        pollCreationMessageKey: keyOf(target, chat),
        vote: { encPayload, encIv: iv },
        senderTimestampMs: at,
      },
    },
    poll: 'vote',
  }
}
