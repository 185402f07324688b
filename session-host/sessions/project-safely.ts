import { setTimeout as pause } from 'node:timers/promises'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { Projection } from '../store/projection.ts'
import type { Logger } from '../whatsapp/logger.ts'

/** An inbox row whose message the database refuses, and why (SQLSTATE). */
export interface Refusal {
  inboxKey: string
  error: string
}

export interface Patience {
  logger: Logger
  /** Whether to stop waiting for the database: asked after each failure. */
  givesUp: (attempt: number) => boolean
}

/**
 * Projects a batch and does not let one bad message stand in the way of the others: when the database is away it waits and tries again;
 * when the batch itself is refused, its parts go one by one. Returns the inbox rows of what is still refused.
 * Fails when the lease is lost or patience is, or when what it came of could not be `committed`.
 */
export async function projectSafely(
  projection: Projection,
  batch: InboundBatch,
  patience: Patience,
  committed: Promise<void> | null = null,
): Promise<{ refused: Refusal[] }> {
  const { logger } = patience
  const parts = partsOf(batch)
  try {
    await whenReachable(() => projection.project(batch, committed), patience)
    return { refused: [] }
  } catch (error) {
    if (isLeaseLost(error) || isOutage(error)) throw error
    logger.error({ error: sqlState(error), parts: parts.length }, 'a batch was refused, storing its parts')
  }
  const refused: Refusal[] = []
  // Of a chunk of history no row of the inbox keeps what is refused: the chunk itself counts it.
  let uncounted = 0
  for (const part of parts) {
    const { history } = part
    const counted = history ? { ...part, history: { ...history, refused: (history.refused ?? 0) + uncounted } } : part
    const isAway = part.inbox.length > 0 || history ? isOutage : isOutageOrLock
    try {
      await whenReachable(() => projection.project(counted), patience, isAway)
    } catch (error) {
      if (isLeaseLost(error) || isAway(error)) throw error
      if (batch.history && part.inbox.length === 0) uncounted += 1
      refused.push(...part.inbox.map((inboxKey) => ({ inboxKey, error: sqlState(error) })))
      logger.error({ error: sqlState(error), inbox: part.inbox }, 'a part was refused')
    }
  }
  return { refused }
}

/** Runs a task, and again while the database is away. */
export async function whenReachable<T>(
  task: () => Promise<T>,
  { logger, givesUp }: Patience,
  isAway: (error: unknown) => boolean = isOutage,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await task()
    } catch (error) {
      if (!isAway(error) || givesUp(attempt)) throw error
      logger.warn({ error: sqlState(error), attempt }, 'the database is away, trying again')
      await pause(Math.min(100 * 2 ** attempt, 2_000))
    }
  }
}

/** Each person, chat and message of its own, a message with the inbox row that it came from, then the rest. */
function partsOf(batch: InboundBatch): InboundBatch[] {
  const part = (content: Partial<InboundBatch>): InboundBatch => ({ ...emptyBatch(), ...content })
  const keys = new Set(batch.inbox)
  const isKept = ({ inboxKey }: { inboxKey?: string }): boolean => inboxKey !== undefined && keys.has(inboxKey)
  return [
    ...batch.people.map((person) => part({ people: [person] })),
    ...batch.chats.map((chat) => part({ chats: [chat] })),
    ...batch.messages.filter((message) => !isKept(message)).map((message) => part({ messages: [message] })),
    ...[...keys].map((key) =>
      part({
        messages: batch.messages.filter((message) => message.inboxKey === key),
        changes: batch.changes.filter((change) => change.inboxKey === key),
        inbox: [key],
      }),
    ),
    ...(batch.calls ?? []).map((call) => part({ calls: [call] })),
    ...(batch.acks ?? []).map((waId) => part({ acks: [waId] })),
    ...batch.receipts.map((receipt) => part({ receipts: [receipt] })),
    ...batch.changes.filter((change) => !isKept(change)).map((change) => part({ changes: [change] })),
    ...batch.states.map((state) => part({ states: [state] })),
    ...(batch.history || batch.ownName
      ? [
          part({
            ...(batch.history ? { history: batch.history } : {}),
            ...(batch.ownName ? { ownName: batch.ownName } : {}),
          }),
        ]
      : []),
  ]
}

/**
 * No connection, shutting down, out of resources, a deadlock or a serialisation failure: the same batch may pass later. A statement that
 * took too long (57014) would take too long again.
 */
function isOutage(error: unknown): boolean {
  const code = sqlState(error)
  if (code === '57014') return false
  return /^(08|53|57)|^40(001|P01)$|^25P03$|^E[A-Z]+$/.test(code) || (code === 'unknown' && isLostConnection(error))
}

/**
 * Somebody may hold the rows for minutes. What an inbox row keeps is tried again at the next start; of the rest (an acknowledgement, a
 * receipt, a change) there is nothing but this.
 */
function isOutageOrLock(error: unknown): boolean {
  return isOutage(error) || /^(57014|55P03)$/.test(sqlState(error))
}

/** The driver's own errors carry no code. */
function isLostConnection(error: unknown): boolean {
  return error instanceof Error && /connection|timeout/i.test(error.message)
}

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown'
}
