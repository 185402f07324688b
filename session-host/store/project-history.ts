import type { SessionEvent, SyncFacts } from '#shared/events.ts'
import type { InboundBatch, InboundChat, InboundHistory, InboundPerson } from '#shared/inbound.ts'
import { appendEvents } from './append-events.ts'
import { createdBy, resolveConversations, storeChatState } from './conversations.ts'
import type { Transaction } from './database.ts'
import type { Lease } from './fenced.ts'
import { takeEarlyReads } from './early-receipts.ts'
import { applyEarlyStates } from './early-states.ts'
import type { HistoryIndex, Unindexed } from './history-index.ts'
import { storeGroups } from './groups.ts'
import { storeMemberReceipts } from './interactions.ts'
import type { ProtoOwner } from './message-protos.ts'
import { storeChanges, storeMessages } from './messages.ts'
import { storeOwnReads } from './own-reads.ts'
import { resolvePeople } from './people.ts'
import { storeTimers } from './timers.ts'

/**
 * Stores a slice of a chunk of history and moves the chunk's position with it, in one transaction. What came live wins: rows that are
 * there stay as they are. Messages make no events; the chunk's last slice makes one of all. Answers the messages that are to be put into
 * the search index; of the last slice none are left.
 */
export async function projectHistory(
  transaction: Transaction,
  lease: Lease & ProtoOwner,
  batch: InboundBatch,
  history: InboundHistory,
  index: HistoryIndex,
): Promise<Unindexed[]> {
  const chats = chatsOf(batch)
  const paired = await pairsOfKnown(transaction, lease, history.pairs)
  const people = await resolvePeople(transaction, lease, [...batch.people, ...paired, ...peopleOf(batch, chats)])
  // Who has a chat is settled first; how it stands comes after its messages.
  const named = chats.map(({ jid, alt, name }): InboundChat => ({
    jid,
    ...(alt ? { alt } : {}),
    ...(name ? { name } : {}),
  }))
  const { conversations, events } = await resolveConversations(transaction, lease, named, people.contacts)
  const created = createdBy(events)
  await storeGroups(transaction, lease, chats, conversations)
  const messages = await storeMessages(transaction, lease, batch.messages, conversations, { indexed: false })
  await storeMemberReceipts(transaction, lease, batch.receipts, conversations)
  await storeChanges(transaction, lease, batch.changes, conversations)
  await storePicture(transaction, history, batch.chats, conversations, new Set(created))
  // What was read or set on the phone since it took its picture of the chats.
  const early = await takeEarlyReads(transaction, lease, [...new Set(conversations.values())])
  const reads = await storeOwnReads(transaction, lease, early.receipts, early.conversations)
  const states = await applyEarlyStates(transaction, lease, { created, joined: people.joined })

  const [chunk] = await transaction.query<{ conversations: number; messages: number; progress: number | null }>(
    `update private.history_chunks set
         unindexed = not $5, position = $3, conversations = $3, messages = messages + $4, refused = refused + $6,
         status = case when $5 then 'stored' else status end, finished_at = case when $5 then now() end,
         notice = case when $5 and refused + $6 = 0 then null else notice end, error_code = case when $5 then null else error_code end
       where session_id = $1 and id = $2 and status = 'waiting'
       returning conversations, messages, progress`,
    [lease.sessionId, history.chunkId, history.position, messages.stored, history.isLast, history.refused ?? 0],
  )
  const changed = [...people.events, ...reads, ...states]
  if (!history.isLast || !chunk) {
    await appendEventsIfAny(transaction, lease, changed)
    return messages.unindexed
  }
  // Whoever hears that it is there finds it.
  await index.within(transaction, messages.unindexed)
  const [conversationId] = conversations.values()
  await appendEvents(transaction, lease, [
    ...changed,
    {
      type: 'history.imported',
      data: {
        ...chunk,
        sync_type: history.syncType,
        ...(history.syncType === 'on_demand' && conversationId ? { conversation_id: conversationId } : {}),
      },
    },
    ...(await refreshSync(transaction, lease)),
  ])
  return []
}

/** Counts the session's chunks onto its row, and answers the event of what changed. */
export async function refreshSync(
  transaction: Transaction,
  lease: Lease,
  { paused = false, errorCode }: { paused?: boolean; errorCode?: string } = {},
): Promise<SessionEvent[]> {
  const [row] = await transaction.query<{ state: SyncFacts & { changed: boolean } }>(
    'select private.refresh_sync($1, $2) as state',
    [lease.sessionId, paused],
  )
  if (!row) return []
  const { changed, ...state } = row.state
  return changed
    ? [{ type: 'history.status', data: { ...state, ...(errorCode ? { error_code: errorCode } : {}) } }]
    : []
}

async function appendEventsIfAny(transaction: Transaction, lease: Lease, events: SessionEvent[]): Promise<void> {
  if (events.length > 0) await appendEvents(transaction, lease, events)
}

/** The chats that get a conversation: those listed, and those of messages. */
function chatsOf(batch: InboundBatch): InboundChat[] {
  const listed = new Set(batch.chats.map((chat) => chat.jid))
  const others = new Map<string, InboundChat>()
  for (const { chat, chatAlt } of batch.messages)
    if (!listed.has(chat) && !others.has(chat)) others.set(chat, { jid: chat, ...(chatAlt ? { alt: chatAlt } : {}) })
  return [...batch.chats, ...others.values()]
}

/** Everybody named, each once for all their messages. */
function peopleOf(batch: InboundBatch, chats: InboundChat[]): InboundPerson[] {
  const people = new Map<string, InboundPerson>()
  for (const { jid, alt, name } of chats)
    if (!jid.endsWith('@g.us'))
      people.set(jid, { ...people.get(jid), jid, ...(alt ? { alt } : {}), ...(name ? { name } : {}) })
  for (const { fromMe, pushName, sender, chat } of batch.messages) {
    const jid = sender ?? chat
    if (!fromMe && pushName && !jid.endsWith('@g.us')) people.set(jid, { ...people.get(jid), jid, pushName })
  }
  return [...people.values()]
}

/** Of all the pairs that the phone knows, those of people who are known here. */
async function pairsOfKnown(
  transaction: Transaction,
  lease: Lease,
  pairs: { pn: string; lid: string }[],
): Promise<InboundPerson[]> {
  if (pairs.length === 0) return []
  const rows = await transaction.query<{ jid: string }>(
    'select jid from public.contact_identities where session_id = $1 and jid = any($2)',
    [lease.sessionId, pairs.flatMap(({ pn, lid }) => [pn, lid])],
  )
  const known = new Set(rows.map((row) => row.jid))
  // Both known apart may be one person after all; only one known gets the other.
  return pairs.filter(({ pn, lid }) => known.has(pn) || known.has(lid)).map(({ pn, lid }) => ({ jid: pn, alt: lid }))
}

/**
 * How chats stand, as the phone says. Its first chunk is a picture of all chats and counts; the others repeat it later, and count only
 * for chats that nobody knew. Messages that came live since then stay unread; times are whole seconds, so those of the picture's own
 * second are told by their ids.
 */
async function storePicture(
  transaction: Transaction,
  history: InboundHistory,
  chats: InboundChat[],
  conversations: Map<string, string>,
  created: Set<string>,
): Promise<void> {
  const rows = new Map<string, InboundChat>()
  const ends = new Map<string, boolean>()
  for (const chat of chats) {
    const id = conversations.get(chat.jid)
    if (!id) continue
    if (chat.historyComplete !== undefined) ends.set(id, chat.historyComplete)
    if (history.syncType === 'initial' || created.has(id)) rows.set(id, chat)
  }
  if (ends.size > 0)
    await transaction.query(
      `update public.conversations_new c set history_complete = e.complete
         from unnest($1::uuid[], $2::boolean[]) as e(id, complete)
         where c.id = e.id and c.history_complete <> e.complete`,
      [[...ends.keys()], [...ends.values()]],
    )
  if (rows.size === 0) return
  const states = [...rows]
  const said = states.map(([, { unread: _unread, ...chat }]) => chat)
  await storeTimers(transaction, said, conversations)
  await storeChatState(transaction, said, conversations)
  await transaction.query(
    `update public.conversations_new c set
         unread_count = greatest(0, s.unread) + (
           select count(*) from public.messages_new m
             where m.conversation_id = c.id and m.status = 'received' and m.created_at >= to_timestamp(s.at)
               and not s.known @> to_jsonb(m.wa_id))
       from unnest($1::uuid[], $2::integer[], $3::float8[], $4::jsonb[]) as s(id, unread, at, known)
       where c.id = s.id`,
    [
      states.map(([id]) => id),
      states.map(([, chat]) => chat.unread ?? 0),
      states.map(([, chat]) => chat.snapshotAt ?? 0),
      states.map(([, chat]) => JSON.stringify(chat.snapshotIds ?? [])),
    ],
  )
}
