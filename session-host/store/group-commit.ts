import type { InboundBatch, InboundMessage, InboundPerson } from '#shared/inbound.ts'
import { clipName } from './clip-name.ts'
import type { Database } from './database.ts'
import type { Lease } from './fenced.ts'
import { createGrouping } from './grouping.ts'
import { mediaFacts, storableContent } from './message-facts.ts'
import { isKept, noProtos, type ProtoBox } from './message-protos.ts'
import { storable } from './messages.ts'
import { createProjection, type Projection } from './projection.ts'

export interface GroupCommit {
  /** The projection of one session. Batches of one session keep their order. */
  forLease(lease: Lease): Projection
}

interface Waiting {
  lease: Lease
  batch: InboundBatch
  /** Told whether the group stored it; otherwise the session's own projection must, or find out why it can't. */
  settle: (stored: boolean) => void
}

/** Messages a statement at most: what waits behind it waits no longer than it takes. */
const largestGroup = 200

/**
 * Lets the sessions of a host share commits. While `inFlight` statements are under way, plain batches (live messages and the inbox
 * rows that they come from, nothing else) wait and then go together: an idle host stores at once, a busy one a group at a time.
 * Everything else, and what a group turns down, goes through createProjection in a transaction of its own; so does each batch of a
 * group that failed, so that one bad message stands in nobody else's way.
 */
export function createGroupCommit(
  database: Database,
  { holder, inFlight = 2, protos = noProtos }: { holder: string; inFlight?: number; protos?: ProtoBox },
): GroupCommit {
  const groups = createGrouping({ inFlight, take: countOfGroup, run: storeGroup })

  async function storeGroup(group: Waiting[]): Promise<void> {
    let stored = new Set<string>()
    try {
      const rows = await database.query<{ session_id: string; outcome: 'stored' | 'other' | 'lease_lost' }>(
        'select session_id, outcome from private.store_messages($1, $2)',
        [holder, JSON.stringify(group.flatMap((waiting) => toRows(waiting, protos)).map((row, n) => ({ ...row, n })))],
      )
      stored = new Set(rows.filter(({ outcome }) => outcome === 'stored').map((row) => row.session_id))
    } catch {
      // One of them may be to blame, or the database: each finds out by itself.
    }
    for (const { lease, settle } of group) settle(stored.has(lease.sessionId))
  }

  function storeTogether(lease: Lease, batch: InboundBatch): Promise<boolean> {
    return new Promise((settle) => groups.add({ lease, batch, settle }))
  }

  return {
    forLease(lease) {
      const own = createProjection(database, lease, protos)
      let last: Promise<unknown> = Promise.resolve()
      function inOrder<T>(task: () => Promise<T>): Promise<T> {
        const next = last.then(task)
        last = next.catch(() => undefined)
        return next
      }
      return {
        ...own,
        project: (batch) =>
          inOrder(async () => {
            const stored = isPlain(batch) && (await storeTogether(lease, batch))
            if (!stored) await own.project(batch)
          }),
        openConversation: (jid, alt) => inOrder(() => own.openConversation(jid, alt)),
      }
    },
  }
}

/** What fits in one statement; a batch goes whole, whatever its size, and a session's batches come one at a time. */
function countOfGroup(waiting: Waiting[]): number {
  let messages = 0
  let count = 0
  for (const { batch } of waiting) {
    if (count > 0 && messages + batch.messages.length > largestGroup) break
    messages += batch.messages.length
    count += 1
  }
  return count
}

/** What the statement knows of a message. One that says more is not plain. */
const knownFacts = new Set<string>([
  'chat',
  'chatAlt',
  'waId',
  'fromMe',
  'sender',
  'at',
  'type',
  'text',
  'status',
  'replyTo',
  'pushName',
  'live',
  'inboxKey',
  'content',
  'media',
  'proto',
  'expiresAt',
] satisfies (keyof InboundMessage)[])
const knownParts = new Set<string>(['messages', 'inbox', 'people'] satisfies (keyof InboundBatch)[])

function isPlain(batch: InboundBatch): boolean {
  return (
    batch.messages.length > 0 &&
    batch.messages.length <= largestGroup &&
    batch.people.every((person) => isSaidBy(batch.messages, person)) &&
    batch.messages.every(
      (message) =>
        message.live && Object.entries(message).every(([fact, value]) => value === undefined || knownFacts.has(fact)),
    ) &&
    Object.entries(batch).every(
      ([part, value]) => knownParts.has(part) || (Array.isArray(value) ? value.length === 0 : value === undefined),
    )
  )
}

/** Baileys reports the name of a sender beside each message, which says it as well: the statement compares it there. */
function isSaidBy(messages: InboundMessage[], person: InboundPerson): boolean {
  return (
    Object.keys(person).every((fact) => fact === 'jid' || fact === 'pushName') &&
    messages.some(
      ({ chat, sender, fromMe, pushName }) =>
        !fromMe && (sender ?? chat) === person.jid && (person.pushName === undefined || pushName === person.pushName),
    )
  )
}

function toRows({ lease, batch }: Waiting, protos: ProtoBox): object[] {
  return batch.messages.map((message, index) => ({
    session_id: lease.sessionId,
    epoch: lease.epoch,
    chat: message.chat,
    chat_alt: message.chatAlt === message.chat ? null : (message.chatAlt ?? null),
    wa_id: message.waId,
    from_me: message.fromMe,
    sender: message.sender ?? null,
    push_name: clipName(message.pushName),
    at: message.at,
    type: message.type,
    text: storable(message.text),
    status: message.status,
    reply_to: message.replyTo ?? null,
    content: storableContent(message.content),
    media: mediaFacts(message.media),
    proto: isKept(message.proto) ? protos.seal(lease.sessionId, message.waId, message.proto).toString('base64') : null,
    expires_at: message.expiresAt ?? null,
    inbox: index === 0 ? batch.inbox : [],
  }))
}
