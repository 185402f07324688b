import type { Database } from './database.ts'
import { leaseLost, type Lease } from './fenced.ts'
import { createGrouping } from './grouping.ts'

/** What a session writes at once, sealed. */
export interface SealedChange {
  credentials: Buffer | null
  keys: { type: string; id: string; value: Buffer | null }[]
  inbox: { id: string; stanzaKey: string; value: Buffer }[]
  /** Settled by the session when this is committed: what came of it names it. */
  committed?: Promise<void>
}

export interface KeyCommit {
  /** Resolves after the commit, which other sessions' changes may share. Fails with lease_lost for a stale owner. */
  write(lease: Lease, change: SealedChange): Promise<void>
}

interface Waiting {
  lease: Lease
  change: SealedChange
  resolve: () => void
  reject: (error: unknown) => void
}

/** Sessions a statement at most, and rows: a first login writes 812 keys. */
const largestGroup = 100
const mostRows = 2_000

/**
 * @see KeyCommit. One for all sessions of a host: while `inFlight` statements are under way the others wait and then go together. A
 * session has one change on its way at a time, so one whose rows somebody holds keeps a statement, and never more, from the others.
 */
export function createKeyCommit(
  database: Database,
  { holder, inFlight = 3 }: { holder: string; inFlight?: number },
): KeyCommit {
  const groups = createGrouping<Waiting>({ inFlight, take: countOfGroup, run: store })

  async function store(group: Waiting[]): Promise<void> {
    try {
      const lost = await database.query<{ lost_session_id: string }>(
        'select lost_session_id from private.write_keys_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)',
        [holder, ...keyParameters(group)],
      )
      const ids = new Set(lost.map((row) => row.lost_session_id))
      for (const { lease, resolve, reject } of group) {
        if (ids.has(lease.sessionId)) reject(leaseLost())
        else resolve()
      }
    } catch (error) {
      if (group.length === 1) for (const { reject } of group) reject(error)
      // One of them may be to blame: each finds out by itself.
      else for (const item of group) await store([item])
    }
  }

  return {
    write: (lease, change) => new Promise((resolve, reject) => groups.add({ lease, change, resolve, reject })),
  }
}

/** As many as fit, each session once. */
function countOfGroup(waiting: Waiting[]): number {
  const sessions = new Set<string>()
  let rows = 0
  for (const { lease, change } of waiting) {
    rows += change.keys.length + change.inbox.length
    if (sessions.size > 0 && (rows > mostRows || sessions.size >= largestGroup || sessions.has(lease.sessionId))) break
    sessions.add(lease.sessionId)
  }
  return sessions.size
}

/** Parameters 2 to 12 of private.write_keys_together. */
export function keyParameters(group: { lease: Lease; change: SealedChange }[]): unknown[] {
  const keys = group.flatMap(({ lease, change }) => change.keys.map((key) => ({ ...key, session: lease.sessionId })))
  const inbox = group.flatMap(({ lease, change }) => change.inbox.map((row) => ({ ...row, session: lease.sessionId })))
  return [
    group.map(({ lease }) => lease.sessionId),
    group.map(({ lease }) => lease.epoch),
    group.map(({ change }) => change.credentials),
    keys.map(({ session }) => session),
    keys.map(({ type }) => type),
    keys.map(({ id }) => id),
    keys.map(({ value }) => value),
    inbox.map(({ session }) => session),
    inbox.map(({ id }) => id),
    inbox.map(({ stanzaKey }) => stanzaKey),
    inbox.map(({ value }) => value),
  ]
}
