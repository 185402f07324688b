import type { ClaimedCommand } from '#shared/commands.ts'
import { address } from './address.ts'
import type { Queryable } from './database.ts'
import type { Lease } from './fenced.ts'
import { sealedAs, type KeptProto, type ProtoBox } from './message-protos.ts'

/** Commands that change a message or a chat's timer. */
export type ChangeCommand = ClaimedCommand & {
  kind: 'edit_message' | 'delete_message' | 'react' | 'vote' | 'set_disappearing'
}

/** What a change is done to, read at the moment of sending. */
export interface ChangeRow {
  /** JID to address. */
  address: string
  target: { wa_id: string; from_me: boolean; sender_jid: string | null; proto: Uint8Array | null } | null
}

/**
 * The conversation of a change, and its message if it is about one; null when that is gone. `evenRevoked`: a message that was deleted
 * for everyone counts as there, for who asks what its deletion was.
 */
export async function readChange(
  queryable: Queryable,
  sessionId: string,
  command: { conversation_id: string; payload: object },
  protos: ProtoBox,
  evenRevoked = false,
): Promise<ChangeRow | null> {
  const messageId = 'message_id' in command.payload ? command.payload.message_id : null
  const [row] = await queryable.query<
    KeptProto & { address: string; wa_id: string | null; from_me: boolean; sender_jid: string | null }
  >(
    `select ${address} as address, m.wa_id, m.from_me, m.sender_jid, p.proto, ${sealedAs} as "sealedAs"
       from public.conversations_new c
       left join public.messages_new m on m.id = $3 and m.conversation_id = c.id and ($4 or m.revoked_at is null)
       left join private.message_protos p on p.message_id = m.id
       where c.id = $2 and c.session_id = $1`,
    [sessionId, command.conversation_id, messageId, evenRevoked],
  )
  if (!row || (messageId !== null && row.wa_id === null)) return null
  const { wa_id, from_me, sender_jid } = row
  return {
    address: row.address,
    target: wa_id === null ? null : { wa_id, from_me, sender_jid, proto: protos.open(row) },
  }
}

/** @see CommandStore.finishChange */
export async function finishChange(queryable: Queryable, lease: Lease, command: ChangeCommand): Promise<void> {
  await queryable.query('select private.finish_change($1, $2, $3, $4)', [
    lease.sessionId,
    lease.holder,
    lease.epoch,
    command.id,
  ])
}
