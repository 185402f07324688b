import type { SessionEvent } from '#shared/events.ts'
import type { InboundState } from '#shared/inbound.ts'
import { storeStates } from './chat-states.ts'
import type { Transaction } from './database.ts'

/** What is said of a whole chat; of single messages the history itself says how they stand. */
const ofChats: InboundState['kind'][] = ['archive', 'pin', 'mute', 'read', 'clear', 'delete']
/** A session's settings that are kept at most, the newest. */
const limit = 10_000

/**
 * Keeps what the account set of chats that have no conversation yet, for applyEarlyStates: its app state is there at once, the history
 * that makes the conversations takes a while. What means everything of a chat means everything until now.
 */
export async function keepEarlyStates(
  transaction: Transaction,
  owner: { sessionId: string },
  states: InboundState[],
  conversations: Map<string, string>,
): Promise<void> {
  // Of each kind the newest, which comes last.
  const early = new Map<string, InboundState>()
  for (const state of states) {
    if (conversations.has(state.chat) || !ofChats.includes(state.kind)) continue
    early.set(`${state.kind}/${state.chat}`, bounded(state))
  }
  if (early.size === 0) return
  await transaction.query(
    `insert into private.early_states (session_id, chat_jid, kind, state)
       select $1, s ->> 'chat', s ->> 'kind', s from unnest($2::jsonb[]) with ordinality as t(s, n) order by n
       on conflict (session_id, chat_jid, kind) do update set state = excluded.state, id = default, received_at = now()`,
    [owner.sessionId, [...early.values()].map((state) => JSON.stringify(state))],
  )
  await transaction.query(
    `delete from private.early_states where session_id = $1
       and id <= (select id from private.early_states where session_id = $1 order by id desc offset $2 limit 1)`,
    [owner.sessionId, limit],
  )
}

/**
 * Applies what was set before these chats had their conversations, in order; it is kept no longer. `created` are the ids of conversations
 * that are new, `joined` those of contacts that have another JID: what was set under it may wait since before it was known to be theirs.
 */
export async function applyEarlyStates(
  transaction: Transaction,
  owner: { sessionId: string },
  { created, joined }: { created: string[]; joined: string[] },
): Promise<SessionEvent[]> {
  if (created.length === 0 && joined.length === 0) return []
  // A setting that was changed since is newer: one that waited then sets only what is not set.
  const rows = await transaction.query<{ state: InboundState; conversation_id: string; is_over: boolean | null }>(
    `with taken as (
       delete from private.early_states e
         using public.conversations_new c
         where e.session_id = $1 and (c.id = any($2) or c.contact_id = any($3)) and c.session_id = $1
           and (c.external_id = e.chat_jid or exists (
             select from public.contact_identities i
               where i.session_id = $1 and i.contact_id = c.contact_id and i.jid = e.chat_jid))
         returning e.id, e.state, c.id as conversation_id,
           c.state_at > e.received_at and case e.kind
             when 'archive' then c.archived or not (e.state ->> 'on')::boolean
             when 'pin' then c.pinned_at is not null or not (e.state ->> 'on')::boolean
             when 'mute' then c.muted_until is not null or e.state ->> 'until' is null end as is_over)
     select state, conversation_id, is_over from taken order by id`,
    [owner.sessionId, created, joined],
  )
  const due = rows.filter((row) => row.is_over !== true)
  return storeStates(
    transaction,
    owner,
    due.map((row) => row.state),
    new Map(due.map((row) => [row.state.chat, row.conversation_id])),
  )
}

function bounded(state: InboundState): InboundState {
  const now = Math.floor(Date.now() / 1_000)
  if (state.kind === 'read') return { ...state, until: state.until ?? (state.on ? now : null) }
  return state.kind === 'clear' || state.kind === 'delete' ? { ...state, until: state.until ?? now } : state
}
