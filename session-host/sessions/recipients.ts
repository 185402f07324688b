import type { CommandStore } from '../store/commands.ts'
import type { SendFacts } from '../store/send-facts.ts'
import type { Connection } from '../whatsapp/connection-options.ts'

/** Whom a session may write to: a message to a number without WhatsApp would be acknowledged and reach nobody. */
export interface Recipients {
  /** What is known of a conversation; null when it is gone. */
  read(conversationId: string, commands: Pick<CommandStore, 'readSendFacts'>): Promise<SendFacts | null>
  /** Whether its person is on WhatsApp; asked of WhatsApp unless their phone has shown itself lately. */
  isThere(conversationId: string, facts: SendFacts, open: Pick<Connection, 'lookUp'>): Promise<boolean>
}

/** An answer holds this long. */
const freshMs = 3_600_000
/** Conversations in memory at most; the oldest are forgotten. */
const mostKept = 5_000

const settled: SendFacts = { number: null, isFirstContact: false, isReached: true }

/** @see Recipients */
export function createRecipients(now: () => number = Date.now): Recipients {
  const known = new Map<string, number>()
  const found = new Map<string, number>()

  return {
    async read(conversationId, commands) {
      if (isFresh(known, conversationId)) return settled
      const facts = await commands.readSendFacts(conversationId)
      if (facts && facts.isReached && !facts.isFirstContact) keep(known, conversationId)
      return facts
    },
    async isThere(conversationId, { number, isReached }, open) {
      if (isReached || number === null || isFresh(found, conversationId)) return true
      const isThere = (await open.lookUp(number)) !== null
      if (isThere) keep(found, conversationId)
      return isThere
    },
  }

  function isFresh(times: Map<string, number>, id: string): boolean {
    const at = times.get(id)
    return at !== undefined && now() - at < freshMs
  }

  function keep(times: Map<string, number>, id: string): void {
    times.delete(id)
    times.set(id, now())
    const [oldest] = times.keys()
    if (times.size > mostKept && oldest !== undefined) times.delete(oldest)
  }
}
