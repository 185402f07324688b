import { Command } from '#shared/commands.ts'
import type { MessageContent } from '#shared/content.ts'
import type { MessageType } from '#shared/message.ts'
import { readChange } from './changes.ts'
import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'
import type { ProtoBox } from './message-protos.ts'
import { findOutgoing, type OutgoingRow } from './outgoing.ts'

interface SentTarget {
  waId: string
  fromMe: boolean
  sender: string | null
  proto: Uint8Array | null
}

interface SentContent {
  type: MessageType
  text: string | null
  content: MessageContent
  proto: Uint8Array | null
  quoted: { waId: string; fromMe: boolean; sender: string | null; type: MessageType; text: string | null } | null
}

/** What the account sent, as the rows say it. */
export type SentRecord = { to: string } & (
  | { kind: 'message'; message: SentContent }
  | { kind: 'change'; change: SentChange }
)
type SentChange =
  | { kind: 'edit'; target: SentTarget; text: string }
  | { kind: 'delete'; target: SentTarget }
  | { kind: 'react'; target: SentTarget; emoji: string | null; at: number }
  | { kind: 'vote'; target: SentTarget; options: string[]; at: number }
  | { kind: 'timer'; seconds: number }

/** What the account itself sent, by WhatsApp id: what a retry request is answered with, also after a restart. */
export function createSentFinder(
  database: Database,
  lease: Lease,
  protos: ProtoBox,
): (waId: string) => Promise<SentRecord | null> {
  const { sessionId } = lease
  return async (waId) => {
    const message = await findOutgoing(database, sessionId, waId, protos)
    if (message) return { to: message.address, kind: 'message', message: sentContent(message) }
    const [row] = await database.query<Record<string, unknown> & { text: string | null }>(
      `select k.kind, k.conversation_id, m.text_content as text,
           -- The text of an edit that is done is the message's.
           k.payload || case when k.kind = 'edit_message' then jsonb_build_object('text', coalesce(k.payload ->> 'text', m.text_content, '')) else '{}' end as payload
         from private.session_commands k
         left join public.messages_new m on m.id = (k.payload ->> 'message_id')::uuid
         where k.session_id = $1 and k.payload ->> 'wa_id' = $2
         limit 1`,
      [sessionId, waId],
    )
    const command = Command.safeParse(row)
    if (!command.success) return null
    // A deletion has left nothing of its message but the row, and a phone that could not read it still shows the text.
    return sentChange(database, sessionId, command.data, protos, command.data.kind === 'delete_message')
  }
}

/** A row in the terms of what leaves. */
export function sentContent({ type, text, content, proto, quoted }: OutgoingRow): SentContent {
  return {
    type,
    text,
    content,
    proto,
    quoted: quoted && {
      waId: quoted.wa_id,
      fromMe: quoted.from_me,
      sender: quoted.sender_jid,
      type: quoted.type,
      text: quoted.text,
    },
  }
}

/** What a command changes, and where (@see readChange); null when that is gone, or the command is no change. */
export async function sentChange(
  queryable: Pick<Database, 'query'>,
  sessionId: string,
  command: Command,
  protos: ProtoBox,
  evenRevoked = false,
): Promise<(SentRecord & { kind: 'change' }) | null> {
  switch (command.kind) {
    case 'edit_message':
    case 'delete_message':
    case 'react':
    case 'vote':
    case 'set_disappearing': {
      const row = await readChange(queryable, sessionId, command, protos, evenRevoked)
      const change = row && changeOf(command, row.target)
      return change && row ? { to: row.address, kind: 'change', change } : null
    }
    default:
      return null
  }
}

function changeOf(
  command: Command & { kind: 'edit_message' | 'delete_message' | 'react' | 'vote' | 'set_disappearing' },
  row: { wa_id: string; from_me: boolean; sender_jid: string | null; proto: Uint8Array | null } | null,
): SentChange | null {
  if (command.kind === 'set_disappearing') return { kind: 'timer', seconds: command.payload.seconds }
  if (!row) return null
  const target = { waId: row.wa_id, fromMe: row.from_me, sender: row.sender_jid, proto: row.proto }
  switch (command.kind) {
    case 'edit_message':
      return { kind: 'edit', target, text: command.payload.text }
    case 'delete_message':
      return { kind: 'delete', target }
    case 'react':
      return { kind: 'react', target, emoji: command.payload.emoji, at: command.payload.at }
    case 'vote':
      return { kind: 'vote', target, options: command.payload.options, at: command.payload.at }
    default:
      return command satisfies never
  }
}
