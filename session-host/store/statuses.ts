import { emptyBatch, type InboundBatch, type InboundReceipt } from '#shared/inbound.ts'
import type { MessageStatus } from '#shared/message.ts'
import type { Database } from './database.ts'
import { leaseLost, type Lease } from './fenced.ts'
import { createGrouping } from './grouping.ts'

/** How far an own message has come, as its chat says (a JID), or the server itself (null). */
export interface StatusNews {
  chat: string | null
  waId: string
  status: MessageStatus
}

/** Writes what WhatsApp says of own messages: acknowledgements and receipts. */
export interface Statuses {
  /**
   * Status, event and command in one transaction, which other sessions' may share. Resolves, after the commit, to what is about no message
   * that is there. Fails with lease_lost for a stale owner.
   */
  raise(lease: Lease, news: StatusNews[]): Promise<StatusNews[]>
}

interface Waiting {
  lease: Lease
  news: StatusNews[]
  resolve: (unknown: StatusNews[]) => void
  reject: (error: unknown) => void
}

/** Statuses a statement at most. */
const largestGroup = 500
/** Statements begin this far apart, in ms. */
const spacingMs = 20
/** A statement waits this long for rows that somebody holds, in ms; then each session's goes by itself and keeps nobody waiting. */
const patienceMs = 500

/** @see Statuses. One for all sessions of a host: while statements are under way, what comes meanwhile waits and then goes together. */
export function createStatuses(
  database: Database,
  { holder, inFlight = 1 }: { holder: string; inFlight?: number },
): Statuses {
  const groups = createGrouping<Waiting>({ inFlight, spacingMs, take: countOfGroup, run: store })

  async function store(group: Waiting[]): Promise<void> {
    await write(group, patienceMs).catch(() => {
      for (const item of group) write([item], 0).catch(item.reject)
    })
  }

  async function write(group: Waiting[], patience: number): Promise<void> {
    const items = group.flatMap(({ lease, news }) => news.map((each) => ({ lease, each })))
    const rows = await database.query<{ n: number; outcome: 'lease_lost' | 'unknown' }>(
      'select n, outcome from private.raise_statuses($1, $2, $3, $4, $5, $6, $7)',
      [
        holder,
        items.map(({ lease }) => lease.sessionId),
        items.map(({ lease }) => lease.epoch),
        items.map(({ each }) => each.chat),
        items.map(({ each }) => each.waId),
        items.map(({ each }) => each.status),
        patience,
      ],
      'raise_statuses',
    )
    const outcomes = new Map(rows.map((row) => [items[row.n - 1]?.each, row.outcome]))
    for (const { news, resolve, reject } of group) {
      if (news.some((each) => outcomes.get(each) === 'lease_lost')) reject(leaseLost())
      else resolve(news.filter((each) => outcomes.has(each)))
    }
  }

  return {
    raise: (lease, news) => new Promise((resolve, reject) => groups.add({ lease, news, resolve, reject })),
  }
}

/** Whether a batch is nothing but statuses of own messages. */
export function isOfStatuses({ receipts, acks = [], ...rest }: InboundBatch): boolean {
  return (
    receipts.length + acks.length > 0 &&
    receipts.every(({ fromMe, member }) => fromMe && !member) &&
    Object.values(rest).every((part) => (Array.isArray(part) ? part.length === 0 : part === undefined))
  )
}

/** Acknowledgements first: they came before what else is said of the same message. */
export function newsOf({ acks = [], receipts }: InboundBatch): StatusNews[] {
  return [
    ...acks.map((waId): StatusNews => ({ chat: null, waId, status: 'sent' })),
    ...receipts.map(({ chat, waId, status }): StatusNews => ({ chat, waId, status })),
  ]
}

/** The receipts of messages that are not there, to be kept for when they are; null when there are none. */
export function earlyOnes(unknown: StatusNews[]): InboundBatch | null {
  const receipts = unknown.flatMap(({ chat, waId, status }): InboundReceipt[] =>
    chat === null ? [] : [{ chat, waId, fromMe: true, status }],
  )
  return receipts.length > 0 ? { ...emptyBatch(), receipts } : null
}

function countOfGroup(waiting: Waiting[]): number {
  let items = 0
  let count = 0
  for (const { news } of waiting) {
    items += news.length
    if (count > 0 && items > largestGroup) break
    count += 1
  }
  return count
}
