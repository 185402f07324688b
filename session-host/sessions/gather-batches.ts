import type { InboundBatch } from '#shared/inbound.ts'
import { isOfStatuses } from '../store/statuses.ts'

/** Batches of one session on their way to be stored. */
export interface Gathering {
  /** Stores a batch, not before what is to be `committed`, in order. Resolves to whether it was stored. */
  add(batch: InboundBatch, committed: Promise<void> | null): Promise<boolean>
  /** Something else comes now: what follows must not join what came before it. */
  split(): void
}

interface Waiting {
  batch: InboundBatch
  committed: Promise<void> | null
  done: Promise<boolean>
}

/** Messages that are stored at once at most. */
const largest = 200

/** While one batch is being stored, the messages that come behind it gather in one, and what is said of own ones: a burst is a few transactions. */
export function createGathering({
  run,
  project,
}: {
  /** Queues a delivery; it must call `split` itself. */
  run: (task: () => Promise<void>) => Promise<boolean>
  /** Stores it, together with or after what it came of. */
  project: (batch: InboundBatch, committed: Promise<void> | null) => Promise<void>
}): Gathering {
  let last: Waiting | undefined
  return {
    add(batch, committed) {
      if (last && canJoin(last.batch, batch)) {
        last.batch.people.push(...batch.people)
        last.batch.messages.push(...batch.messages)
        last.batch.inbox.push(...batch.inbox)
        last.batch.receipts.push(...batch.receipts)
        if (batch.acks) (last.batch.acks ??= []).push(...batch.acks)
        last.committed = committed ?? last.committed
        return last.done
      }
      const entry: Waiting = {
        batch: {
          ...batch,
          people: [...batch.people],
          messages: [...batch.messages],
          inbox: [...batch.inbox],
          receipts: [...batch.receipts],
          ...(batch.acks ? { acks: [...batch.acks] } : {}),
        },
        committed,
        done: Promise.resolve(false),
      }
      entry.done = run(async () => {
        if (last === entry) last = undefined
        await project(entry.batch, entry.committed)
      })
      last = entry
      return entry.done
    },
    split() {
      last = undefined
    },
  }
}

function canJoin(one: InboundBatch, other: InboundBatch): boolean {
  if (isOfStatuses(one) && isOfStatuses(other)) return one.receipts.length + (one.acks?.length ?? 0) < largest
  return one.messages.length + other.messages.length <= largest && isOfMessages(one) && isOfMessages(other)
}

/** Messages, who wrote them and where they come from, and nothing whose place among others matters. */
function isOfMessages({ people: _people, messages, inbox: _inbox, ...rest }: InboundBatch): boolean {
  return (
    messages.length > 0 &&
    Object.values(rest).every((part) => (Array.isArray(part) ? part.length === 0 : part === undefined))
  )
}
