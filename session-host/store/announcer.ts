import type { Database } from './database.ts'

/** A user asked for something: SQL functions notify, the host that runs the session acts. */
export const wakeChannel = 'session_wake'
/** A host wrote events: hosts that serve the user's sockets publish. */
export const eventChannel = 'session_events'

export interface Announcer extends AsyncDisposable {
  /** Tells every host that a session has news: soon, and once for many, since NOTIFY takes a global lock at commit. */
  announce(sessionId: string): void
}

const coalesceMs = 50
/** NOTIFY carries at most 8,000 bytes; an id takes 37. */
const idsPerNotification = 200

/** @see Announcer. `holder` is this host's id, the first in the list: others find no such session. */
export function createAnnouncer(
  database: Database,
  holder: string,
  logger: { warn(facts: object, message: string): void },
): Announcer {
  const pending = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let last: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    timer = undefined
    const ids = [...pending]
    pending.clear()
    for (let from = 0; from < ids.length; from += idsPerNotification)
      // Nothing is written, so nobody waits for the disk, least of all with the lock that NOTIFY holds until the commit.
      await database.query(
        `select pg_notify($1, $2) from set_config('synchronous_commit', 'off', true) where set_config is not null`,
        [eventChannel, [holder, ...ids.slice(from, from + idsPerNotification)].join(',')],
        'notify_events',
      )
  }

  return {
    announce(sessionId) {
      pending.add(sessionId)
      timer ??= setTimeout(() => {
        last = flush().catch((error: unknown) => {
          logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'other hosts could not be told')
        })
      }, coalesceMs)
    },
    async [Symbol.asyncDispose]() {
      clearTimeout(timer)
      await last
      await flush().catch(() => undefined)
    },
  }
}

/** The sessions that were announced; none when this host did it itself, whose publisher knows already. */
export function readAnnouncement(payload: string, holder: string): string[] {
  const ids = payload.split(',')
  return ids[0] === holder ? [] : ids
}
