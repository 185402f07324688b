import type { SessionEvent } from '#shared/events.ts'
import type { InboundState } from '#shared/inbound.ts'
import type { Transaction } from './database.ts'

interface Owner {
  sessionId: string
}
type State<K extends InboundState['kind']> = InboundState & { kind: K }

/**
 * Stores what the account set on another device, in order. What was deleted there is hidden here, never erased: a chat keeps its
 * messages for whoever works with them, and what is new in it shows it again.
 */
export async function storeStates(
  transaction: Transaction,
  owner: Owner,
  states: InboundState[],
  conversations: Map<string, string>,
): Promise<SessionEvent[]> {
  const known = states.flatMap((state) => {
    const conversationId = conversations.get(state.chat)
    return conversationId ? [{ state, conversationId }] : []
  })
  if (known.length === 0) return []
  // The conversations' rows before their messages, as everybody who takes both; in the order of their ids.
  await transaction.query('select 1 from public.conversations_new where id = any($1) order by id for no key update', [
    known.map(({ conversationId }) => conversationId),
  ])
  const events: SessionEvent[] = []
  for (const { state, conversationId } of known) {
    const event = await storeState(transaction, owner, state, conversationId)
    if (event) events.push(event)
  }
  return events
}

async function storeState(
  transaction: Transaction,
  owner: Owner,
  state: InboundState,
  conversationId: string,
): Promise<SessionEvent | null> {
  switch (state.kind) {
    case 'archive':
    case 'pin':
    case 'mute':
      return setState(transaction, state, conversationId)
    case 'read':
      return setRead(transaction, state, conversationId)
    case 'star':
    case 'delete-for-me':
      return setMessage(transaction, owner, state, conversationId)
    case 'clear':
    case 'delete':
      return hideMessages(transaction, state, conversationId)
    default:
      return state satisfies never
  }
}

async function setState(
  transaction: Transaction,
  state: State<'archive'> | State<'pin'> | State<'mute'>,
  conversationId: string,
): Promise<SessionEvent | null> {
  const [row] = await transaction.query<{ changed: boolean }>(
    `with before as (select id, archived, pinned_at, muted_until from public.conversations_new where id = $1)
     update public.conversations_new c set
         archived = case $3 when 'archive' then $4 else c.archived end,
         pinned_at = case $3 when 'pin' then case when $4 then coalesce(c.pinned_at, to_timestamp($5)) end else c.pinned_at end,
         muted_until = case $3 when 'mute' then case
             when $5::float8 is null then null when $5 < 0 then '9999-12-31 00:00:00+00' else to_timestamp($5) end
           else c.muted_until end,
         state_at = now(), state_jid = $2
       from before b where c.id = b.id
       returning (c.archived, c.pinned_at, c.muted_until) is distinct from (b.archived, b.pinned_at, b.muted_until) as changed`,
    [conversationId, state.chat, state.kind, state.kind === 'mute' ? null : state.on, timeOf(state)],
  )
  return row?.changed ? updated(conversationId) : null
}

/** Epoch seconds, negative for ever. Far times end at the year 9998. */
function timeOf(state: State<'archive'> | State<'pin'> | State<'mute'>): number | null {
  if (state.kind === 'pin') return state.at
  if (state.kind === 'archive' || state.until === null) return null
  return state.until < 0 ? -1 : Math.min(state.until / 1000, 253_300_000_000)
}

async function setRead(
  transaction: Transaction,
  state: State<'read'>,
  conversationId: string,
): Promise<SessionEvent | null> {
  if (!state.on) {
    const marked = await transaction.query(
      'update public.conversations_new set marked_unread = true where id = $1 and not marked_unread returning 1',
      [conversationId],
    )
    return marked.length > 0 ? updated(conversationId) : null
  }
  await transaction.query(
    `update public.messages_new set status = 'read'
       where conversation_id = $1 and status = 'received' and ($2::float8 is null or created_at <= to_timestamp($2))`,
    [conversationId, state.until],
  )
  const [row] = await transaction.query<{ unread_count: number }>(
    `update public.conversations_new c set marked_unread = false, unread_count = n.unread
       from (
         select count(*)::integer as unread from public.messages_new
           where conversation_id = $1 and status = 'received' and hidden_at is null) n
       where c.id = $1 and (c.marked_unread or c.unread_count <> n.unread)
       returning c.unread_count`,
    [conversationId],
  )
  return row ? updated(conversationId, { unread_count: row.unread_count }) : null
}

async function setMessage(
  transaction: Transaction,
  owner: Owner,
  state: State<'star'> | State<'delete-for-me'>,
  conversationId: string,
): Promise<SessionEvent | null> {
  const isStar = state.kind === 'star'
  const [row] = await transaction.query<{ id: string }>(
    isStar
      ? `update public.messages_new set starred = $5
           where session_id = $1 and conversation_id = $2 and wa_id = $3 and from_me = $4 and starred <> $5 returning id`
      : `update public.messages_new set hidden_at = now()
           where session_id = $1 and conversation_id = $2 and wa_id = $3 and from_me = $4 and hidden_at is null returning id`,
    [owner.sessionId, conversationId, state.waId, state.fromMe, ...(isStar ? [state.on] : [])],
  )
  if (!row) return null
  if (!isStar) await transaction.query('select private.refresh_conversation($1)', [conversationId])
  return { type: 'message.updated', data: { conversation_id: conversationId, message_id: row.id } }
}

async function hideMessages(
  transaction: Transaction,
  state: State<'clear'> | State<'delete'>,
  conversationId: string,
): Promise<SessionEvent | null> {
  await transaction.query(
    `update public.messages_new set hidden_at = now()
       where conversation_id = $1 and hidden_at is null and ($2::float8 is null or created_at <= to_timestamp($2))
         and not ($3 and starred)`,
    [conversationId, state.until, state.kind === 'clear' && state.keepStarred],
  )
  await transaction.query('select private.refresh_conversation($1)', [conversationId])
  const [row] = await transaction.query<{ unread_count: number }>(
    `update public.conversations_new set
         marked_unread = false,
         hidden_at = case when $2 and last_message_id is null then now() else hidden_at end
       where id = $1 returning unread_count`,
    [conversationId, state.kind === 'delete'],
  )
  return updated(conversationId, { cleared: true, unread_count: row?.unread_count ?? 0 })
}

function updated(conversationId: string, facts: { unread_count?: number; cleared?: boolean } = {}): SessionEvent {
  return { type: 'conversation.updated', data: { conversation_id: conversationId, ...facts } }
}
