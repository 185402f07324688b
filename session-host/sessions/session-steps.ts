import type { InboundBatch } from '#shared/inbound.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { Logger } from '../whatsapp/logger.ts'
import { createGathering } from './gather-batches.ts'
import type { SerialQueue } from './serial-queue.ts'

/**
 * What a session does, in order. A failure ends the session, and the supervisor starts it anew from what is stored. All of these resolve
 * to whether it was done.
 */
export interface SessionSteps {
  /** What the session does of its own; a session that stops leaves it. */
  control(task: () => Promise<void>): Promise<boolean>
  /**
   * What was delivered is stored even while the session stops, but nothing after a delivery that could not be: it would say that the inbox
   * was done with it. It waits for what it came of to be `committed`.
   */
  deliver(task: () => Promise<void>, committed?: Promise<void> | null): Promise<boolean>
  /** A delivery that is a batch: it may be stored together with those that came just before it. */
  deliverBatch(batch: InboundBatch, committed: Promise<void> | null): Promise<boolean>
}

export interface SessionStepsOptions {
  queue: SerialQueue
  /** `fenced`: nothing may be written any more. */
  state: () => 'running' | 'stopping' | 'fenced'
  /** Stores a batch, together with or after what it came of. */
  project: (batch: InboundBatch, committed: Promise<void> | null) => Promise<void>
  onDone: () => void
  onFailure: (error: unknown) => void
  logger: Logger
}

/** @see SessionSteps */
export function createSessionSteps({
  queue,
  state,
  project,
  onDone,
  onFailure,
  logger,
}: SessionStepsOptions): SessionSteps {
  let abandoned = false
  const gathering = createGathering({ run: (task) => step('delivery', task), project })

  function step(kind: 'control' | 'delivery', task: () => Promise<void>): Promise<boolean> {
    gathering.split()
    return queue
      .add(async () => {
        const now = state()
        if (abandoned || now === 'fenced' || (now === 'stopping' && kind === 'control')) return false
        await task()
        onDone()
        return true
      })
      .catch((error: unknown) => {
        if (isLeaseLost(error)) logger.warn({ kind }, 'lease lost, session stopped')
        else {
          logger.error({ kind, error: error instanceof Error ? error.message : 'unknown' }, 'session step failed')
          if (kind === 'delivery') abandoned = true
        }
        onFailure(error)
        return false
      })
  }

  return {
    control: (task) => step('control', task),
    deliver: (task, committed) =>
      step('delivery', async () => {
        await committed
        await task()
      }),
    deliverBatch: (batch, committed) => gathering.add(batch, committed),
  }
}
