import type { Publisher } from './realtime/publisher.ts'
import type { Supervisor } from './sessions/supervisor.ts'
import type { Broadcaster } from './store/broadcaster.ts'
import type { Database } from './store/database.ts'
import { createExpirer } from './store/expirer.ts'
import { hasOpenValues, resealOldValues } from './store/key-rotation.ts'
import { trimOldRows } from './store/retention.ts'
import type { AuthStateKey, SealedBox } from './store/sealed-box.ts'
import { createSendWatchdog } from './store/send-watchdog.ts'
import type { ClientVersions } from './whatsapp/client-version.ts'
import type { Logger } from './whatsapp/logger.ts'

export interface SweepOptions {
  database: Database
  box: SealedBox
  authStateKeys: AuthStateKey[]
  publisher: Publisher
  broadcaster: Broadcaster
  supervisor: Supervisor
  /** Null with a simulator, which says by itself when it refuses a version. */
  versions: ClientVersions | null
  /** What is still pending so long after it was submitted fails, in ms. */
  sendDeadlineMs: number
  logger: Logger
  /** Rows of a session went or changed, and its event log says so. */
  onChange: (sessionId: string) => void
}

const hourMs = 3_600_000
const dayMs = 86_400_000
/** Disappearing messages are looked for this often. */
const expireMs = 2_000

/** Begins what a host does from time to time, whatever happens. Any number of hosts may do each of them at once. */
export function startSweeps(options: SweepOptions): AsyncDisposable {
  const { database, box, authStateKeys, publisher, broadcaster, supervisor, versions, logger, onChange } = options
  const failed = (what: string) => (error: unknown) =>
    logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, what)
  const sweeps = new AsyncDisposableStack()
  sweeps.use(createExpirer(database, { everyMs: expireMs, onChange, onError: failed('messages could not be expired') }))
  sweeps.use(
    createSendWatchdog(database, {
      deadlineMs: options.sendDeadlineMs,
      onChange,
      onError: failed('late messages could not be failed'),
    }),
  )
  const rotationEnd = new AbortController()
  let rotation: Promise<unknown> = Promise.resolve()
  sweeps.defer(async () => {
    rotationEnd.abort()
    await rotation
  })

  /** With a new key in front, what older ones have sealed is sealed anew; also what other hosts wrote with an older one, or open. */
  function rotateKeys(): void {
    const [key, ...older] = authStateKeys
    if (!key) return
    rotation = rotation
      .then(async () => {
        if (older.length > 0 || (await hasOpenValues(database)))
          await resealOldValues({ database, box, key, logger, signal: rotationEnd.signal })
      })
      .catch(failed('keys could not be rotated'))
  }

  /** Events, keys and finished commands are kept for a time only. */
  function trim(): void {
    trimOldRows(database).catch(failed('old rows could not be trimmed'))
  }

  /** WhatsApp refuses old versions one day. */
  function learnVersion(): void {
    void versions?.learn()
  }

  const timers = [
    // Notifications may be lost with a connection: nobody waits for the next one.
    setInterval(() => publisher.wakeAll(), 5_000),
    setInterval(() => broadcaster.wakeAll(), 5_000),
    setInterval(() => supervisor.wakeAll(), 30_000),
    setInterval(trim, hourMs),
    setInterval(learnVersion, dayMs),
    setInterval(rotateKeys, hourMs),
  ]
  sweeps.defer(() => timers.forEach((timer) => clearInterval(timer)))
  trim()
  learnVersion()
  rotateKeys()
  return sweeps
}
