import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import type { Directory } from '../whatsapp/directory.ts'
import type { Logger } from '../whatsapp/logger.ts'

/**
 * Reads the account's block list anew, for what was blocked on the phone while nobody listened. Without an answer what is known stays
 * until the next connection.
 */
export async function readBlockList(
  connection: Directory,
  project: (batch: InboundBatch) => void,
  logger: Logger,
): Promise<void> {
  try {
    project({ ...emptyBatch(), blocks: { complete: await connection.blocked(), changed: [] } })
  } catch (error) {
    logger.warn({ error: error instanceof Error ? error.name : 'unknown' }, 'the block list could not be read')
  }
}
