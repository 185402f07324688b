import type { InboundBatch, InboundChat, InboundPerson } from '#shared/inbound.ts'
import type { SessionEvent } from '#shared/events.ts'
import { appendEvents } from './append-events.ts'
import { storeStates } from './chat-states.ts'
import { storeBlocks } from './blocks.ts'
import { storeCalls } from './calls.ts'
import { clipName } from './clip-name.ts'
import { createdBy, resolveConversations } from './conversations.ts'
import type { Database, Transaction } from './database.ts'
import { fenced, type Lease } from './fenced.ts'
import { storeGroups } from './groups.ts'
import { createHistoryIndex } from './history-index.ts'
import { keepEarlyReceipts } from './early-receipts.ts'
import { applyEarlyStates, keepEarlyStates } from './early-states.ts'
import { storeMemberReceipts } from './interactions.ts'
import { noProtos, type ProtoBox, type ProtoOwner } from './message-protos.ts'
import { storeChanges, storeMessages, storeReceipts } from './messages.ts'
import { storeOwnReads } from './own-reads.ts'
import { storeNumberChanges } from './number-changes.ts'
import { storePictureChanges } from './profile-pictures.ts'
import { resolvePeople } from './people.ts'
import { storeTimers } from './timers.ts'
import { projectHistory } from './project-history.ts'
import { createSearchWords } from './search-words.ts'

export interface Projection {
  /**
   * Stores a batch and appends its events, in one fenced transaction. Any prefix may be replayed: the rows come out the same. What it came
   * of is committed before or with it: `committed` is the promise of a key-store write that is under way.
   */
  project(batch: InboundBatch, committed?: Promise<void> | null): Promise<void>
  /** The conversation with a person, made if need be. */
  openConversation(jid: string, alt: string | undefined): Promise<string>
}

/** The inbound path's only writer: rows, read model and event log together or not at all. Sessions may share `searchWords`. */
export function createProjection(
  database: Database,
  lease: Lease,
  protos: ProtoBox = noProtos,
  searchWords = createSearchWords(database),
): Projection {
  const owner = { ...lease, protos }
  const index = createHistoryIndex(database, lease, searchWords)
  return {
    async project(batch, committed) {
      await committed
      const { history } = batch
      if (!history) return fenced(database, lease, (transaction) => projectBatch(transaction, owner, batch))
      await (history.isLast ? index.settle() : index.ready())
      index.add(
        await fenced(database, lease, (transaction) => projectHistory(transaction, owner, batch, history, index)),
      )
    },
    openConversation: (jid, alt) =>
      fenced(database, lease, async (transaction) => {
        const chat = { jid, ...(alt ? { alt } : {}) }
        const people = await resolvePeople(transaction, lease, [chat])
        const { conversations, events } = await resolveConversations(transaction, lease, [chat], people.contacts)
        const states = await applyEarlyStates(transaction, lease, { created: createdBy(events), joined: people.joined })
        await appendEvents(transaction, lease, [...people.events, ...events, ...states])
        const id = conversations.get(jid)
        if (!id) throw new Error('conversation was not opened')
        return id
      }),
  }
}

async function projectBatch(transaction: Transaction, lease: Lease & ProtoOwner, batch: InboundBatch): Promise<void> {
  const chats = chatsOf(batch)
  const people = await resolvePeople(transaction, lease, peopleOf(batch, chats))
  const { conversations, events } = await resolveConversations(transaction, lease, chats, people.contacts)
  await storeTimers(transaction, chats, conversations)
  const moved = await storeNumberChanges(transaction, lease, batch.numberChanges ?? [])
  const changedPeople = [
    ...moved.events,
    ...(batch.pictures ? await storePictureChanges(transaction, lease, batch.pictures) : []),
    ...(batch.blocks ? await storeBlocks(transaction, lease, batch.blocks, people.contacts) : []),
  ]
  const groups = await storeGroups(transaction, lease, chats, conversations)
  const messages = await storeMessages(transaction, lease, batch.messages, conversations)
  const mentioned = await knownConversations(transaction, lease, batch, conversations)
  await lockChanged(transaction, batch, mentioned)
  const receipts = await storeReceipts(transaction, lease, batch.receipts, mentioned)
  await storeMemberReceipts(transaction, lease, batch.receipts, mentioned)
  const reads = await storeOwnReads(transaction, lease, batch.receipts, mentioned)
  const joined = [...people.joined, ...moved.joined]
  const states = [
    ...(await applyEarlyStates(transaction, lease, { created: createdBy(events), joined })),
    ...(await storeStates(transaction, lease, batch.states, mentioned)),
  ]
  await keepEarlyStates(transaction, lease, batch.states, mentioned)
  await keepEarlyReceipts(transaction, lease, batch.receipts, mentioned)
  const calls = await storeCalls(transaction, lease, batch.calls ?? [], conversations)
  const changes = await storeChanges(transaction, lease, batch.changes, mentioned)

  const log: SessionEvent[] = [...people.events, ...changedPeople]
  log.push(...events, ...groups, ...messages.events)
  log.push(...calls, ...receipts, ...reads, ...changes, ...states)

  const { acks = [] } = batch
  if (acks.length > 0)
    await transaction.query('select from private.raise_statuses($1, $2, $3, $4, $5, $6, 0)', [
      lease.holder,
      acks.map(() => lease.sessionId),
      acks.map(() => lease.epoch),
      acks.map(() => null),
      acks,
      acks.map(() => 'sent'),
    ])
  if (batch.ownName)
    await transaction.query('update public.whatsapp_sessions set push_name = $2 where id = $1', [
      lease.sessionId,
      clipName(batch.ownName),
    ])
  if (batch.inbox.length > 0)
    await transaction.query(
      `update private.inbox set ciphertext = null, projected_at = now()
         where session_id = $1 and stanza_key = any($2) and projected_at is null`,
      [lease.sessionId, batch.inbox],
    )
  await appendEvents(transaction, lease, log)
}

/**
 * Locks the conversations of what was read or changed, before any of their messages is: a user who reads or deletes at that moment takes
 * them in that order, too, and neither then waits for the other.
 */
async function lockChanged(
  transaction: Transaction,
  batch: InboundBatch,
  conversations: Map<string, string>,
): Promise<void> {
  const changed = [...batch.receipts.filter((receipt) => !receipt.fromMe), ...batch.changes]
  const ids = changed.flatMap(({ chat }) => conversations.get(chat) ?? [])
  if (ids.length > 0)
    await transaction.query('select 1 from public.conversations_new where id = any($1) order by id for no key update', [
      [...new Set(ids)],
    ])
}

/** The chats that get a conversation: those listed, and those of messages. */
function chatsOf(batch: InboundBatch): InboundChat[] {
  const fromMessages = batch.messages.map((message): InboundChat => ({
    jid: message.chat,
    ...(message.chatAlt ? { alt: message.chatAlt } : {}),
  }))
  const fromCalls = (batch.calls ?? []).map((call): InboundChat => ({
    jid: call.chat,
    ...(call.chatAlt ? { alt: call.chatAlt } : {}),
  }))
  return [...batch.chats, ...fromMessages, ...fromCalls]
}

/** Everybody named: contacts, chats and senders. */
function peopleOf(batch: InboundBatch, chats: InboundChat[]): InboundPerson[] {
  const fromChats = chats.map((chat): InboundPerson => ({
    jid: chat.jid,
    ...(chat.alt ? { alt: chat.alt } : {}),
    ...(chat.name && !chat.jid.endsWith('@g.us') ? { name: chat.name } : {}),
  }))
  const senders = batch.messages.flatMap((message): InboundPerson[] => {
    if (message.fromMe || !message.pushName) return []
    return [{ jid: message.sender ?? message.chat, pushName: message.pushName }]
  })
  const blocked = [...(batch.blocks?.changed.map(({ jid }) => jid) ?? []), ...(batch.blocks?.complete ?? [])]
  return [...batch.people, ...fromChats, ...senders, ...blocked.map((jid): InboundPerson => ({ jid }))]
}

/** The conversations that receipts and changes are about; they never make one. */
async function knownConversations(
  transaction: Transaction,
  lease: Lease,
  batch: InboundBatch,
  conversations: Map<string, string>,
): Promise<Map<string, string>> {
  const chats = [...new Set([...batch.receipts, ...batch.changes, ...batch.states].map((change) => change.chat))]
  const missing = chats.filter((chat) => !conversations.has(chat))
  if (missing.length === 0) return conversations
  const rows = await transaction.query<{ jid: string; id: string }>(
    `select i.jid, c.id from public.contact_identities i
         join public.conversations_new c on c.contact_id = i.contact_id
         where i.session_id = $1 and i.jid = any($2)
     union all
     select c.external_id, c.id from public.conversations_new c
         where c.session_id = $1 and c.contact_id is null and c.external_id = any($2)`,
    [lease.sessionId, missing],
  )
  return new Map([...conversations, ...rows.map((row): [string, string] => [row.jid, row.id])])
}
