import type { Transaction } from './database.ts'
import type { SealedBox } from './sealed-box.ts'

/** Bytes of an encoded message that is kept; a larger one is no message of a person. */
const maxProtoBytes = 1024 * 1024 - 1024

/** A kept message as its row has it, and the name that it was sealed with. */
export interface KeptProto {
  proto: Buffer | null
  sealedAs: string
}

/** Seals the WhatsApp messages that are kept: they hold the keys of media and of polls, and what was said. */
export interface ProtoBox {
  seal(sessionId: string, waId: string, proto: Uint8Array): Buffer
  /** The message; null when none is kept, or when it can't be opened: then it is as if none were kept. */
  open(kept: KeptProto): Buffer | null
}

/** Whose messages are stored, and what seals those that are kept. */
export interface ProtoOwner {
  sessionId: string
  userId: string
  protos: ProtoBox
}

/**
 * SQL: the name that a row `p` of private.message_protos was sealed with. A forwarded message keeps the bytes of its original, which the
 * database can't seal anew.
 */
export const sealedAs = `coalesce(p.sealed_as, m.session_id::text || '/message/' || m.wa_id)`

/** @see ProtoBox */
export function createProtoBox(box: SealedBox): ProtoBox {
  return {
    seal: (sessionId, waId, proto) => box.seal(`${sessionId}/message/${waId}`, Buffer.from(proto)),
    open({ proto, sealedAs: name }) {
      if (!proto) return null
      try {
        return isSealed(proto) ? box.open(name, proto) : proto
      } catch {
        return null
      }
    },
  }
}

/** For stores whose messages have nothing to keep: fails where one does, rather than keeping it open. */
export const noProtos: ProtoBox = {
  seal() {
    throw new Error('no box to seal a kept message with')
  },
  open: () => null,
}

/**
 * Whether kept bytes are sealed. Those that were kept before there was a seal are a protobuf message, whose first byte names a field and
 * so is never 1, a sealed box's version (https://protobuf.dev/programming-guides/encoding/: field numbers begin with 1).
 */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes[0] === 1
}

/** Whether it is kept. */
export function isKept(proto: Uint8Array | undefined): proto is Uint8Array {
  return proto !== undefined && proto.length > 0 && proto.length <= maxProtoBytes
}

/** Keeps the WhatsApp messages of rows, sealed, each in place of an earlier one. */
export async function keepProtos(
  transaction: Transaction,
  { sessionId, userId, protos: box }: ProtoOwner,
  protos: { messageId: string; waId: string; proto: Uint8Array }[],
): Promise<void> {
  const kept = protos.filter(({ proto }) => isKept(proto))
  if (kept.length === 0) return
  await transaction.query(
    `insert into private.message_protos (message_id, user_id, proto)
       select p.id, $1, p.proto from unnest($2::uuid[], $3::bytea[]) as p(id, proto)
       on conflict (message_id, user_id) do update set proto = excluded.proto, sealed_as = null`,
    [userId, kept.map((row) => row.messageId), kept.map(({ waId, proto }) => box.seal(sessionId, waId, proto))],
  )
}
