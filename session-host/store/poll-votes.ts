import { createDecipheriv, createHash, createHmac } from 'node:crypto'

/** A vote as it travels: AES-256-GCM under a key that follows from the poll's secret and from who voted on whose poll. */
export interface SealedVote {
  waId: string
  payload: Uint8Array
  iv: Uint8Array
  creators: string[]
  voters: string[]
}

/**
 * The options that a vote chooses, in the poll's words; null when it can't be opened. Which JID of a person went into the key is the
 * voter's choice, so all that are known are tried. (Key and associated data as Baileys decryptPollVote, Utils/process-message.js.)
 */
export function openVote(poll: { proto: Uint8Array; options: string[] }, vote: SealedVote): string[] | null {
  const secret = secretOf(poll.proto)
  if (secret?.length !== 32) return null
  for (const creator of vote.creators)
    for (const voter of vote.voters) {
      const plain = decrypt(secret, vote, creator, voter)
      if (plain) return chosen(plain, poll.options)
    }
  return null
}

function decrypt(secret: Uint8Array, { waId, payload, iv }: SealedVote, creator: string, voter: string): Buffer | null {
  if (payload.length < 16) return null
  const first = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const key = createHmac('sha256', first)
    .update(Buffer.concat([...[waId, creator, voter, 'Poll Vote'].map((part) => Buffer.from(part)), Buffer.from([1])]))
    .digest()
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, iv)
    decipher.setAAD(Buffer.from(`${waId}\0${voter}`))
    decipher.setAuthTag(payload.subarray(-16))
    return Buffer.concat([decipher.update(payload.subarray(0, -16)), decipher.final()])
  } catch {
    return null
  }
}

/** PollVoteMessage {repeated bytes selectedOptions = 1}: each is the SHA-256 of an option's name. */
function chosen(plain: Uint8Array, options: string[]): string[] {
  const hashes = new Set(fieldsOf(plain, 1).map((hash) => Buffer.from(hash).toString('hex')))
  return options.filter((option) => hashes.has(createHash('sha256').update(option).digest('hex')))
}

/** Message.messageContextInfo (35) .messageSecret (3). */
function secretOf(message: Uint8Array): Uint8Array | undefined {
  return fieldsOf(message, 35).flatMap((context) => fieldsOf(context, 3))[0]
}

/** The length-delimited fields with a number, of an encoded protobuf message (https://protobuf.dev/programming-guides/encoding/). */
function fieldsOf(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = []
  let at = 0
  function varint(): number {
    let value = 0
    for (let shift = 1; at < bytes.length; shift *= 128) {
      const byte = bytes[at++] ?? 0
      value += (byte & 127) * shift
      if (byte < 128) break
    }
    return value
  }
  while (at < bytes.length) {
    const tag = varint()
    const kind = tag % 8
    if (kind === 0) varint()
    else if (kind === 1) at += 8
    else if (kind === 5) at += 4
    else if (kind === 2) {
      const length = varint()
      if (Math.floor(tag / 8) === wanted) found.push(bytes.subarray(at, at + length))
      at += length
    } else return found
  }
  return found
}
