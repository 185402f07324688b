import type { MessageContent } from '#shared/content.ts'
import type { MessageType } from '#shared/message.ts'
import { address } from './address.ts'
import type { Queryable } from './database.ts'
import { sealedAs, type KeptProto, type ProtoBox } from './message-protos.ts'

/** What a send needs to know of a message of ours, read at the moment of sending. */
export interface OutgoingRow {
  id: string
  conversation_id: string
  wa_id: string
  type: MessageType
  text: string | null
  content: MessageContent
  /** As it left before, or, of a forwarded file, as it was received. */
  proto: Uint8Array | null
  /** JID to address: the LID when known, else the number, or the group. */
  address: string
  status: string
  quoted: {
    wa_id: string
    from_me: boolean
    sender_jid: string | null
    type: MessageType
    text: string | null
  } | null
}

/** Reads a message of ours by WhatsApp's id, unless it was deleted for everyone. */
export async function findOutgoing(
  queryable: Queryable,
  sessionId: string,
  waId: string,
  protos: ProtoBox,
): Promise<OutgoingRow | null> {
  const [row] = await queryable.query<SelectedRow>(
    `${select} where m.session_id = $1 and m.wa_id = $2 and m.from_me and m.revoked_at is null limit 1`,
    [sessionId, waId],
  )
  return row ? opened(row, protos) : null
}

type SelectedRow = Omit<OutgoingRow, 'proto'> & KeptProto

function opened({ sealedAs: name, ...row }: SelectedRow, protos: ProtoBox): OutgoingRow {
  return { ...row, proto: protos.open({ proto: row.proto, sealedAs: name }) }
}

const select = `select m.id, m.conversation_id, m.wa_id, m.message_type as type, m.text_content as text, m.content, p.proto,
    ${sealedAs} as "sealedAs",
    m.status, ${address} as address,
    case when q.id is null then null else jsonb_build_object('wa_id', q.wa_id, 'from_me', q.from_me,
      'sender_jid', q.sender_jid, 'type', q.message_type, 'text', q.text_content) end as quoted
  from public.messages_new m
  join public.conversations_new c on c.id = m.conversation_id
  left join private.message_protos p on p.message_id = m.id
  left join public.messages_new q
    on q.session_id = m.session_id and q.wa_id = m.reply_to_wa_id and q.conversation_id = m.conversation_id`
