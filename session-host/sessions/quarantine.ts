import type { QuarantineStore } from '../store/quarantine.ts'
import type { Logger } from '../whatsapp/logger.ts'
import type { SessionMeasures } from './measures.ts'
import type { Refusal } from './project-safely.ts'

/** A row of the inbox. */
interface InboxRow {
  id: string
  stanzaKey: string
  value: Buffer
}

/**
 * What becomes of messages of which nothing can be made, or that the database refuses: they are kept aside, nothing waits behind them, and
 * each start of the session tries them again, as a newer host may do better.
 */
export interface Quarantine {
  /** Once, before the inbox is replayed: puts what was kept aside back into it. */
  retry(): Promise<void>
  /** After the replay of these rows: what was put back and not kept aside again is no longer here. */
  settle(rows: InboxRow[]): Promise<void>
  /** The database refuses these. */
  refused(refusals: Refusal[]): Promise<void>
  /** Nothing could be made of these rows of the inbox. */
  unreadable(rows: InboxRow[], error: string): Promise<void>
}

export interface QuarantineOptions {
  store: QuarantineStore
  measures: Pick<SessionMeasures, 'quarantined'>
  logger: Logger
}

/** Tries of one version; a host that is started again and again must not try for ever. */
const maxAttempts = 10

/** @see Quarantine */
export function createQuarantine({ store, measures, logger }: QuarantineOptions): Quarantine {
  let retried: string[] = []
  // Rows, by id or stanza key, that were kept aside in this start.
  const again = new Set<string>()

  async function keep(keys: string[], stage: 'read' | 'store', error: string): Promise<void> {
    if (keys.length === 0) return
    const kept = await store.keep(keys, stage, error)
    if (kept === 0) return
    measures.quarantined(kept)
    logger.error({ stage, error, messages: kept }, 'messages were kept aside')
  }

  return {
    async retry() {
      retried = await store.retry(maxAttempts)
      if (retried.length > 0) logger.info({ messages: retried.length }, 'messages that were kept aside are tried again')
    },
    async settle(rows) {
      const keys = new Map(rows.map((row) => [row.id, row.stanzaKey]))
      const done = retried.filter((id) => !again.has(id) && !again.has(keys.get(id) ?? id))
      retried = []
      again.clear()
      if (done.length > 0) await store.release(done)
    },
    async refused(refusals) {
      for (const { inboxKey, error } of refusals) {
        again.add(inboxKey)
        await keep([inboxKey], 'store', error)
      }
    },
    async unreadable(rows, error) {
      for (const { id } of rows) again.add(id)
      await keep(
        rows.map(({ id }) => id),
        'read',
        error,
      )
    },
  }
}
