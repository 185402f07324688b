import type { SyncAction } from './sync-actions.ts'

/** What the rooms of the host log through; pino fits. Facts carry ids and codes, never text, numbers, tokens, QR texts or keys. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** Baileys' own logger interface (Utils/logger.d.ts). */
interface BaileysLogger {
  level: string
  child(facts: Record<string, unknown>): BaileysLogger
  trace(facts: unknown, message?: string): void
  debug(facts: unknown, message?: string): void
  info(facts: unknown, message?: string): void
  warn(facts: unknown, message?: string): void
  error(facts: unknown, message?: string): void
}

/** ChatMutation of Baileys. */
interface Mutation {
  index: string[]
  syncAction: { value?: SyncAction['value'] }
}

/** What Baileys logs with each app-state mutation that it has verified, before it makes an event of it or not (chat-utils.js:663). */
const syncActionSentence = 'processing sync action'

/**
 * Lets Baileys' warnings and errors through as sentences only: the objects that it logs hold stanzas, numbers and keys
 * (socket.js:318 logs the registration node). Nothing else in Baileys shows a mutation as it is, so they are taken from here.
 */
export function baileysLogger(logger: Logger, onSyncAction: (action: SyncAction) => void = () => {}): BaileysLogger {
  const quiet = (): void => undefined
  const pass = (facts: unknown, message?: string): void => {
    const sentence = message ?? (typeof facts === 'string' ? facts : 'unnamed')
    logger.debug({ from: 'baileys', error: errorName(facts) }, mask(sentence))
  }
  const self: BaileysLogger = {
    level: 'warn',
    child: () => self,
    trace(facts, message) {
      if (message !== syncActionSentence) return
      const { index, syncAction } = (facts as { syncAction: Mutation }).syncAction
      onSyncAction({ index, value: syncAction.value })
    },
    debug: quiet,
    info: quiet,
    warn: pass,
    error: pass,
  }
  return self
}

function errorName(facts: unknown): string | undefined {
  if (typeof facts !== 'object' || facts === null) return undefined
  const error = Object.values(facts).find((value) => value instanceof Error)
  return error ? mask(`${error.name}: ${error.message}`).slice(0, 200) : undefined
}

/** Numbers, LIDs and ids in a sentence. */
function mask(sentence: string): string {
  return sentence.replaceAll(/\d{5,}/g, '…').replaceAll(/[A-F0-9]{16,}/g, '…')
}
