import { setTimeout as pause } from 'node:timers/promises'
import type { Lease } from '../store/fenced.ts'
import type { LeaseStore } from '../store/leases.ts'
import type { Logger } from '../whatsapp/logger.ts'
import type { Session } from './session-options.ts'
import { spreadStarts } from './spread-starts.ts'

export interface SupervisorOptions {
  leases: LeaseStore
  leaseSeconds: number
  /** Looks for sessions without an owner this often, in ms. */
  scanMs: number
  startSession: (lease: Lease) => Session
  logger: Logger
  random?: () => number
}

/** Runs the sessions that this host can get the lease of, and no others. */
export interface Supervisor extends AsyncDisposable {
  /** Something changed in a session's rows. */
  wake(sessionId: string): void
  /** Something may have changed in any: after a gap in the notifications. */
  wakeAll(): void
  readonly running: ReadonlyMap<string, Session>
}

/** A session that ends by itself is started again after a pause that doubles with each time, from and up to these ms. */
const firstPauseMs = 1_000
const longestPauseMs = 60_000

/** @see Supervisor */
export function createSupervisor({
  leases,
  leaseSeconds,
  scanMs,
  startSession,
  logger,
  random = Math.random,
}: SupervisorOptions): Supervisor {
  const running = new Map<string, Session>()
  const leaseMs = leaseSeconds * 1_000
  let renewedAt = performance.now()
  let scanning: Promise<void> | undefined
  let scanAgain = false
  const disposal = new AbortController()
  // Sessions that ended by themselves: they must neither spin nor take the places of others in a scan.
  const fenced = new WeakSet<Session>()
  const pauses = new Map<string, { ms: number; until: number }>()

  function scan(): void {
    if (disposal.signal.aborted) return
    scanAgain = true
    if (scanning) return
    scanning = (async () => {
      while (scanAgain && !disposal.signal.aborted) {
        scanAgain = false
        await startRunnable()
      }
    })()
      .catch((error: unknown) => {
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'sessions could not be looked up')
      })
      .finally(() => {
        scanning = undefined
      })
  }

  async function startRunnable(): Promise<void> {
    const found = await leases.findRunnable()
    const now = performance.now()
    const runnable = found.filter(({ id }) => !running.has(id) && (pauses.get(id)?.until ?? 0) <= now)
    const wanted = new Set(found.map(({ id }) => id))
    for (const id of pauses.keys()) if (!wanted.has(id) && !running.has(id)) pauses.delete(id)
    const starts = spreadStarts(runnable, random)
    for (const { item, afterMs } of starts) {
      const waitMs = now + afterMs - performance.now()
      if (waitMs > 0) await pause(waitMs, undefined, { signal: disposal.signal }).catch(() => undefined)
      const lease = disposal.signal.aborted ? null : await acquire(item)
      if (lease) run(lease)
    }
    if (runnable.length > starts.length) scanAgain = true
  }

  /** One whose lease somebody holds locked, a host that stopped in the middle of a transaction, must not keep the others waiting. */
  async function acquire(item: { id: string; user_id: string }): Promise<Lease | null> {
    try {
      return await leases.acquire(item)
    } catch (error) {
      logger.warn(
        { session: item.id, error: error instanceof Error ? error.message : 'unknown' },
        'a lease could not be taken, trying again with the next look',
      )
      return null
    }
  }

  function run(lease: Lease): void {
    const session = startSession(lease)
    const startedAt = performance.now()
    running.set(lease.sessionId, session)
    void session.ended
      .then(() => leases.release(lease))
      .catch(() => undefined)
      .finally(() => {
        // The next scan after the pause starts it again if it should run.
        if (running.get(lease.sessionId) === session) running.delete(lease.sessionId)
        const lasted = performance.now() - startedAt
        const last = lasted > longestPauseMs ? undefined : pauses.get(lease.sessionId)
        const ms = last ? Math.min(last.ms * 2, longestPauseMs) : firstPauseMs
        pauses.set(lease.sessionId, { ms, until: performance.now() + ms })
      })
  }

  async function renew(): Promise<void> {
    const sessions = [...running.values()]
    if (sessions.length === 0) {
      renewedAt = performance.now()
      return
    }
    const startedAt = performance.now()
    const kept = await leases.renew(sessions.map((session) => session.lease))
    renewedAt = startedAt
    for (const session of sessions)
      if (!kept.has(session.lease.sessionId) && running.get(session.lease.sessionId) === session) {
        logger.warn({ session: session.lease.sessionId }, 'lease lost, session stopped')
        void session.stop('fenced')
      }
  }

  /** Without the database nobody can tell whether a lease still holds: let go before another host may take over. */
  function fenceWhenStale(): void {
    if (performance.now() - renewedAt < leaseMs - 500) return
    for (const session of running.values()) {
      if (fenced.has(session)) continue
      fenced.add(session)
      logger.warn({ session: session.lease.sessionId }, 'lease could not be renewed, session stopped')
      void session.stop('fenced')
    }
  }

  const timers = [
    setInterval(scan, scanMs),
    setInterval(() => {
      renew().catch((error: unknown) => {
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'leases could not be renewed')
        fenceWhenStale()
      })
    }, leaseMs / 3),
    setInterval(fenceWhenStale, 500),
  ]
  scan()

  return {
    running,
    wake(sessionId) {
      const session = running.get(sessionId)
      if (session) return session.wake()
      // Its owner asked for something: no pause.
      pauses.delete(sessionId)
      scan()
    },
    wakeAll() {
      for (const session of running.values()) session.wake()
      scan()
    },
    async [Symbol.asyncDispose]() {
      disposal.abort()
      for (const timer of timers) clearInterval(timer)
      await scanning
      await Promise.allSettled(
        [...running.values()].map(async (session) => {
          await session.stop('graceful')
          await leases.release(session.lease)
        }),
      )
    },
  }
}
