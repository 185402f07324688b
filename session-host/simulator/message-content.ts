import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Group, Person } from './state.ts'
import type { World } from './world.ts'

/** A reaction of this phone's person; an empty emoji takes it back. */
export function reactionContent(key: proto.IMessageKey, emoji: string, at: number): Buffer {
  return encoded({ reactionMessage: { key, text: emoji, senderTimestampMs: at } })
}

/** A poll with a secret of its own; `selectable` 0 lets people choose any number. */
export function pollContent(world: World, poll: { name: string; options: string[]; selectable: number }): Buffer {
  const message = {
    name: poll.name,
    options: poll.options.map((optionName) => ({ optionName })),
    selectableOptionsCount: poll.selectable,
  }
  const field = poll.selectable === 1 ? 'pollCreationMessageV3' : 'pollCreationMessage'
  return encoded({ [field]: message, messageContextInfo: { messageSecret: world.random.bytes(32) } })
}

/** The names of a poll's options; undefined when the content is no poll. */
export function pollOptions(content: Buffer): string[] | undefined {
  const message = proto.Message.decode(content)
  const poll = message.pollCreationMessage ?? message.pollCreationMessageV2 ?? message.pollCreationMessageV3
  return poll?.options?.map((option) => option.optionName ?? '')
}

/**
 * A vote on a poll: the SHA-256 of each chosen option, encrypted with a key that follows from the poll's secret, its id, its author and
 * the voter (HKDF-like, as Baileys `decryptPollVote` undoes it).
 */
export function voteContent(
  world: World,
  poll: { key: proto.IMessageKey; content: Buffer; creator: string; voter: string },
  options: string[],
  at: number,
): Buffer {
  const secret = proto.Message.decode(poll.content).messageContextInfo?.messageSecret ?? Buffer.alloc(32)
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const plain = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const id = poll.key.id ?? ''
  const iv = world.random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', voteKey(secret, id, poll.creator, poll.voter), iv)
  cipher.setAAD(Buffer.from(`${id}\0${poll.voter}`))
  const encPayload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  const vote = { encPayload, encIv: iv }
  return encoded({ pollUpdateMessage: { pollCreationMessageKey: poll.key, vote, senderTimestampMs: at } })
}

/** The options that a vote chooses; undefined when it cannot be read with any of the JIDs. */
export function readVote(
  pollContent: Buffer,
  vote: proto.Message.IPollUpdateMessage,
  creators: string[],
  voters: string[],
): string[] | undefined {
  const secret = proto.Message.decode(pollContent).messageContextInfo?.messageSecret
  const { encPayload, encIv } = vote.vote ?? {}
  if (!secret?.length || !encPayload || !encIv) return undefined
  const id = vote.pollCreationMessageKey?.id ?? ''
  for (const creator of creators)
    for (const voter of voters) {
      try {
        const decipher = createDecipheriv('aes-256-gcm', voteKey(secret, id, creator, voter), encIv)
        decipher.setAAD(Buffer.from(`${id}\0${voter}`))
        decipher.setAuthTag(encPayload.subarray(-16))
        const plain = Buffer.concat([decipher.update(encPayload.subarray(0, -16)), decipher.final()])
        const { selectedOptions } = proto.Message.PollVoteMessage.decode(plain)
        const hashes = (selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex'))
        return (pollOptions(pollContent) ?? []).filter((option) =>
          hashes.includes(createHash('sha256').update(option).digest('hex')),
        )
      } catch {
        // Another pair of JIDs may be the right one.
      }
    }
  return undefined
}

/** The JIDs that a person may be called by in the key of a vote, in the likeliest order. */
export function jidsOf(person: Person, group?: Group): string[] {
  const jids = [`${person.lid}@lid`, `${person.number}@s.whatsapp.net`]
  return group?.addressed === 'pn' ? jids.toReversed() : jids
}

function voteKey(secret: Uint8Array, id: string, creator: string, voter: string): Buffer {
  const first = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const parts = [id, creator, voter, 'Poll Vote'].map((part) => Buffer.from(part))
  return createHmac('sha256', first)
    .update(Buffer.concat([...parts, Buffer.from([1])]))
    .digest()
}

function encoded(message: proto.IMessage): Buffer {
  return Buffer.from(proto.Message.encode(proto.Message.fromObject(message)).finish())
}
