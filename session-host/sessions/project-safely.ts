import { setTimeout as pause } from 'node:timers/promises'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { Projection } from '../store/projection.ts'
import type { Logger } from '../whatsapp/logger.ts'

/**
 * Projects a batch and does not let one bad message stand in the way of the others: when the database is away it waits and tries again
 * until the lease is lost; when the batch itself is refused, its parts go one by one, and what is still refused stays in the inbox.
 */
export async function projectSafely(projection: Projection, batch: InboundBatch, logger: Logger): Promise<void> {
  try {
    return await projectWhenReachable(projection, batch, logger)
  } catch (error) {
    if (isLeaseLost(error) || isSingle(batch)) throw error
    logger.error({ error: sqlState(error) }, 'a batch was refused, storing its parts')
  }
  for (const part of partsOf(batch)) {
    try {
      await projectWhenReachable(projection, part, logger)
    } catch (error) {
      if (isLeaseLost(error)) throw error
      logger.error({ error: sqlState(error) }, 'a message was refused and is kept in the inbox')
    }
  }
}

async function projectWhenReachable(projection: Projection, batch: InboundBatch, logger: Logger): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await projection.project(batch)
    } catch (error) {
      if (!isOutage(error)) throw error
      logger.warn({ error: sqlState(error), attempt }, 'the database is away, trying again')
      await pause(Math.min(100 * 2 ** attempt, 2_000))
    }
  }
}

function isSingle(batch: InboundBatch): boolean {
  return partsOf(batch).length <= 1
}

/** People and chats first, then each message with the inbox row at the same place, then the rest. */
function partsOf(batch: InboundBatch): InboundBatch[] {
  const parts: InboundBatch[] = []
  if (batch.people.length > 0 || batch.chats.length > 0 || batch.history) {
    const { history, ownName } = batch
    parts.push({
      ...emptyBatch(),
      people: batch.people,
      chats: batch.chats,
      ...(history ? { history } : {}),
      ...(ownName ? { ownName } : {}),
    })
  }
  for (const message of batch.messages) parts.push({ ...emptyBatch(), messages: [message] })
  if (batch.receipts.length > 0 || batch.changes.length > 0)
    parts.push({ ...emptyBatch(), receipts: batch.receipts, changes: batch.changes })
  return parts
}

/** No connection, shutting down, out of connections, a deadlock or a serialisation failure: the same batch may pass later. */
function isOutage(error: unknown): boolean {
  const code = sqlState(error)
  return /^(08|53|57)|^40(001|P01)$|^E[A-Z]+$/.test(code) || /connection|timeout/i.test(messageOf(error))
}

function sqlState(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'unknown'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
