import { backoffPause } from '../whatsapp/disconnect.ts'

/** How often connecting has failed in a row, and so how long the next pause is. */
export interface Backoff {
  /** Failures in a row; what is stored of it. */
  readonly count: number
  /** Takes up the count that another host, or this one before a restart, has stored. */
  restore(count: number): void
  /** One more failure. Answers the pause before the next attempt in ms. */
  failed(): number
  /** WhatsApp asked for a new connection (515). True when it may be made at once: not when it asks again and again. */
  mayHurry(): boolean
  /** One more close with 500. Answers how many there were in a row. */
  badSession(): number
  /** A connection has opened: whatever the trouble was, these credentials are good. */
  opened(): void
  /** It has stayed open: the next trouble is a new one. */
  settled(): void
}

const hurriesInARow = 3

/** @see Backoff. `baseMs` is the longest that the first pause can be. */
export function createBackoff(baseMs: number, random: () => number = Math.random): Backoff {
  let count = 0
  let hurries = 0
  let badSessions = 0
  return {
    get count() {
      return count
    },
    restore(stored) {
      count = stored
    },
    failed() {
      const pause = backoffPause(count, random, baseMs)
      count += 1
      return pause
    },
    mayHurry() {
      hurries += 1
      return hurries <= hurriesInARow
    },
    badSession() {
      badSessions += 1
      return badSessions
    },
    opened() {
      badSessions = 0
    },
    settled() {
      count = 0
      hurries = 0
    },
  }
}
