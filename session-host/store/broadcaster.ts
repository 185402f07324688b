import type { Database } from './database.ts'

/** Tells Supabase Realtime what is new in sessions' logs: after the commit, and many events at once. */
export interface Broadcaster extends AsyncDisposable {
  /** A session has news. */
  wake(sessionId: string): void
  /** Any session may have news: hosts that were to tell it may have died. */
  wakeAll(): void
}

/** Rounds are this far apart, in ms: what comes meanwhile is one message a session. */
const pauseMs = 200
/** Messages a round at most. A Supabase project has a number a second; who waited longest goes first. */
const perRound = 50

/**
 * How far a log was announced stands in the database (private.broadcast_events), so that any number of hosts may do this at once and
 * each range is announced once, whichever host lives.
 *
 * @see Broadcaster
 */
export function createBroadcaster(
  database: Database,
  logger: { warn(facts: object, message: string): void },
): Broadcaster {
  const waiting = new Set<string>()
  let everything = false
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> | undefined
  let disposed = false

  async function announce(): Promise<void> {
    const all = everything
    const sessionIds = [...waiting]
    everything = false
    waiting.clear()
    const [row] = await database.query<{ told: number }>('select private.broadcast_events($1, $2) as told', [
      all ? null : sessionIds,
      perRound,
    ])
    if (!row || row.told < perRound) return
    everything ||= all
    for (const sessionId of sessionIds) waiting.add(sessionId)
  }

  function start(): void {
    if (disposed || round || timer || (!everything && waiting.size === 0)) return
    round = announce()
      .catch((error: unknown) => {
        // The sweep carries on from what stands in the database.
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'Realtime could not be told')
      })
      .finally(() => {
        round = undefined
        if (disposed) return
        timer = setTimeout(() => {
          timer = undefined
          start()
        }, pauseMs)
      })
  }

  return {
    wake(sessionId) {
      waiting.add(sessionId)
      start()
    },
    wakeAll() {
      everything = true
      start()
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      clearTimeout(timer)
      await round
      // What this host wrote last need not wait for another one's sweep.
      if (everything || waiting.size > 0) await announce().catch(() => undefined)
    },
  }
}
