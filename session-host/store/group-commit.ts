import type { InboundBatch } from '#shared/inbound.ts'
import type { Database } from './database.ts'
import { leaseLost, type Lease } from './fenced.ts'
import { createKeyCommit, keyParameters, type KeyCommit, type SealedChange } from './key-commit.ts'
import { noProtos, type ProtoBox } from './message-protos.ts'
import { isPlain, mostMessages, toRows } from './plain-batch.ts'
import { createProjection, type Projection } from './projection.ts'
import { createSearchWords } from './search-words.ts'
import { createStatuses, earlyOnes, isOfStatuses, newsOf } from './statuses.ts'

/** Key writes and projections of all sessions of a host, committed together. */
export interface GroupCommit {
  keys: KeyCommit
  /** The projection of one session. Batches of one session keep their order. */
  forLease(lease: Lease): Projection
}

interface WaitingChange {
  change: SealedChange
  resolve: () => void
  reject: (error: unknown) => void
}

interface WaitingBatch {
  batch: InboundBatch
  /** The commit that has to come before or with it, and whether it has. */
  committed: Promise<void> | null
  isReady: boolean
  settle: (stored: boolean) => void
}

/** What waits of one session. Its projection hands over one batch at a time. */
interface Slot {
  lease: Lease
  changes: WaitingChange[]
  batch?: WaitingBatch | undefined
}

interface Part {
  lease: Lease
  change?: WaitingChange | undefined
  batch?: WaitingBatch | undefined
}

/** What goes into one statement at most: sessions, and rows of keys and inbox. */
const mostSessions = 100
const mostRows = 2_000

/**
 * While `inFlight` statements are under way, what sessions write waits and then goes together: ratchets and plaintexts, and the messages
 * that were made of them meanwhile. A message is decrypted and read before the next turn of the event loop, so its ratchet, its plaintext
 * and its row are one commit; where they are not, the inbox is written first. What a group turns down, and everything of a group that
 * failed, is written by itself: keys through createKeyCommit, messages through createProjection.
 */
export function createGroupCommit(
  database: Database,
  { holder, inFlight = 3, protos = noProtos }: { holder: string; inFlight?: number; protos?: ProtoBox },
): GroupCommit {
  const alone = createKeyCommit(database, { holder })
  const slots = new Map<string, Slot>()
  const busy = new Set<string>()
  let running = 0
  let isScheduled = false
  const searchWords = createSearchWords(database)
  const statuses = createStatuses(database, { holder })

  function slotOf(lease: Lease): Slot {
    const slot = slots.get(lease.sessionId)
    // A session that began anew here has another lease.
    if (slot && slot.lease.epoch === lease.epoch) return slot
    slot?.batch?.settle(false)
    for (const { reject } of slot?.changes ?? []) reject(leaseLost())
    const fresh: Slot = { lease, changes: [] }
    slots.set(lease.sessionId, fresh)
    return fresh
  }

  function schedule(): void {
    if (isScheduled) return
    isScheduled = true
    setImmediate(() => {
      isScheduled = false
      while (running < inFlight) {
        const group = take()
        if (group.length === 0) return
        running += 1
        void store(group).finally(() => {
          running -= 1
          for (const { lease } of group) busy.delete(lease.sessionId)
          schedule()
        })
      }
    })
  }

  function take(): Part[] {
    const group: Part[] = []
    let rows = 0
    let messages = 0
    for (const [sessionId, slot] of slots) {
      if (group.length >= mostSessions) break
      if (busy.has(sessionId)) continue
      const [change] = slot.changes
      const { batch } = slot
      const fits = group.length === 0 || rows + rowsOf(change) <= mostRows
      const goes = batch && (batch.isReady || (change && batch.committed === change.change.committed && fits))
      const hasRoom = goes && (messages === 0 || messages + batch.batch.messages.length <= mostMessages)
      const part: Part = {
        lease: slot.lease,
        ...(change && fits ? { change } : {}),
        ...(hasRoom ? { batch } : {}),
      }
      if (!part.change && !part.batch) continue
      rows += rowsOf(part.change)
      messages += part.batch?.batch.messages.length ?? 0
      if (part.change) slot.changes.shift()
      if (part.batch) slot.batch = undefined
      if (slot.changes.length === 0 && !slot.batch) slots.delete(sessionId)
      busy.add(sessionId)
      group.push(part)
    }
    return group
  }

  async function store(group: Part[]): Promise<void> {
    const changes = group.flatMap(({ lease, change }) => (change ? [{ lease, change: change.change }] : []))
    try {
      const rows = group.flatMap(({ lease, batch }) => (batch ? toRows({ lease, batch: batch.batch }, protos) : []))
      const outcomes = await database.query<{ part: 'keys' | 'messages'; session_id: string; outcome: string }>(
        `select part, session_id, outcome
           from private.receive_messages($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
        [holder, ...keyParameters(changes), JSON.stringify(rows.map((row, n) => ({ ...row, n })))],
        'receive_messages',
      )
      const sessions = (part: string, outcome: string): Set<string> =>
        new Set(outcomes.flatMap((row) => (row.part === part && row.outcome === outcome ? [row.session_id] : [])))
      const lost = sessions('keys', 'lease_lost')
      const stored = sessions('messages', 'stored')
      for (const { lease, change, batch } of group) {
        if (lost.has(lease.sessionId)) change?.reject(leaseLost())
        else change?.resolve()
        batch?.settle(stored.has(lease.sessionId))
      }
    } catch {
      // One of them may be to blame, or the database: each finds out by itself.
      await Promise.all(
        group.map(async ({ lease, change, batch }) => {
          if (change) await alone.write(lease, change.change).then(change.resolve, change.reject)
          batch?.settle(false)
        }),
      )
    }
  }

  function storeTogether(lease: Lease, batch: InboundBatch, committed: Promise<void> | null): Promise<boolean> {
    return new Promise((settle) => {
      const waiting: WaitingBatch = { batch, committed, isReady: committed === null, settle }
      slotOf(lease).batch = waiting
      schedule()
      void committed?.then(
        () => {
          waiting.isReady = true
          schedule()
        },
        () => {
          const slot = slots.get(lease.sessionId)
          if (slot?.batch === waiting) slot.batch = undefined
          settle(false)
        },
      )
    })
  }

  return {
    keys: {
      write: (lease, change) =>
        new Promise((resolve, reject) => {
          slotOf(lease).changes.push({ change, resolve, reject })
          schedule()
        }),
    },
    forLease(lease) {
      const own = createProjection(database, lease, protos, searchWords)
      let last: Promise<unknown> = Promise.resolve()
      function inOrder<T>(task: () => Promise<T>): Promise<T> {
        const next = last.then(task)
        last = next.catch(() => undefined)
        return next
      }
      return {
        ...own,
        project: (batch, committed = null) =>
          inOrder(async () => {
            if (isOfStatuses(batch)) {
              const early = earlyOnes(await statuses.raise(lease, newsOf(batch)))
              return early ? own.project(early) : undefined
            }
            if (isPlain(batch) && (await storeTogether(lease, batch, committed))) return
            await committed
            await own.project(batch)
          }),
        openConversation: (jid, alt) => inOrder(() => own.openConversation(jid, alt)),
      }
    },
  }
}

function rowsOf(waiting: WaitingChange | undefined): number {
  return waiting ? waiting.change.keys.length + waiting.change.inbox.length : 0
}
