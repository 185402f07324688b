import type { Transaction } from './database.ts'

/** Bytes of an encoded message that is kept; a larger one is no message of a person. */
const maxProtoBytes = 1024 * 1024

/** Keeps the WhatsApp messages of rows, each in place of an earlier one. */
export async function keepProtos(
  transaction: Transaction,
  owner: { userId: string },
  protos: { messageId: string; proto: Uint8Array }[],
): Promise<void> {
  const kept = protos.filter(({ proto }) => proto.length > 0 && proto.length <= maxProtoBytes)
  if (kept.length === 0) return
  await transaction.query(
    `insert into private.message_protos (message_id, user_id, proto)
       select p.id, $1, p.proto from unnest($2::uuid[], $3::bytea[]) as p(id, proto)
       on conflict (message_id, user_id) do update set proto = excluded.proto`,
    [owner.userId, kept.map((row) => row.messageId), kept.map((row) => Buffer.from(row.proto))],
  )
}
