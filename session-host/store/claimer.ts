import { Command, type ClaimedCommand } from '#shared/commands.ts'
import type { Database } from './database.ts'
import { leaseLost, type Lease } from './fenced.ts'
import { createGrouping } from './grouping.ts'
import { noProtos, type ProtoBox } from './message-protos.ts'
import type { OutgoingRow } from './outgoing.ts'
import { wasRolledBack } from './was-rolled-back.ts'

/** A claimed command with what it takes to carry it out. */
export type ClaimedWork = ClaimedCommand & {
  /** Commands of one lane are carried out in the order in which they come. */
  lane: string
  /** The message to send, as it was when it was claimed; null when it is gone, or when the command sends none. */
  message: OutgoingRow | null
}

/** What a session may do now. */
export interface Claim {
  /** In order of submission. */
  commands: ClaimedWork[]
  /** In so many seconds something may run that has to wait for its time; null when nothing does. */
  secondsToNext: number | null
  /** Something is due that waits for a command that is under way, or for room. */
  isBehind: boolean
  /** Commands that this epoch holds now, those of this claim included. */
  held: number
  /** Ids of what was claimed and is of a kind that this host does not know: a newer one wrote it, and a newer one will carry it out. */
  unknown: string[]
}

export interface Claimer {
  /**
   * Claims what a session may do now, at most `limit` commands: each lane's head, and of messages to be sent `depth` behind one another.
   * Fails with lease_lost for a stale owner.
   */
  claim(lease: Lease, limit: number, depth: number): Promise<Claim>
}

interface Waiting {
  lease: Lease
  limit: number
  depth: number
  resolve: (claim: Claim) => void
  reject: (error: unknown) => void
}

/** Sessions a statement at most. */
const largestGroup = 100
/** Statements begin this far apart, in ms. */
const spacingMs = 15
/** A statement waits this long for rows that somebody holds, in ms; then each session's goes by itself and keeps nobody waiting. */
const patienceMs = 500

type ClaimRow = {
  session_id: string
  seconds: number | null
  is_behind: boolean | null
  held: number | null
} & ({ outcome: 'lease_lost' } | { outcome: 'rest' } | ({ outcome: 'claimed' } & CommandRow))

interface CommandRow {
  id: number
  user_id: string
  kind: string
  lane: string
  attempts: number
  created_at: Date
  message: Omit<OutgoingRow, 'proto'> | null
  proto: Buffer | null
  sealed_as: string
}

/** @see Claimer. One for all sessions of a host: while statements are under way, what others claim waits and then goes together. */
export function createClaimer(
  database: Database,
  { holder, protos = noProtos, inFlight = 1 }: { holder: string; protos?: ProtoBox; inFlight?: number },
): Claimer {
  const groups = createGrouping<Waiting>({
    inFlight,
    spacingMs,
    take: countOfGroup,
    run: (group) => claimTogether(group, patienceMs),
  })

  async function claimTogether(group: Waiting[], patience: number): Promise<void> {
    let rows: ClaimRow[]
    try {
      rows = await database.query<ClaimRow>(
        'select * from private.claim_work($1, $2, $3, $4, $5, $6)',
        [
          holder,
          group.map(({ lease }) => lease.sessionId),
          group.map(({ lease }) => lease.epoch),
          group.map(({ limit }) => limit),
          group.map(({ depth }) => depth),
          patience,
        ],
        'claim_work',
      )
    } catch (error) {
      // One of them may be to blame: each finds out by itself. What may have been claimed nobody claims again: they must know of it.
      if (patience > 0 && wasRolledBack(error)) for (const item of group) void claimTogether([item], 0)
      else for (const { reject } of group) reject(error)
      return
    }
    const bySession = Map.groupBy(rows, (row) => row.session_id)
    for (const { lease, resolve, reject } of group) {
      const own = bySession.get(lease.sessionId) ?? []
      if (own.some(({ outcome }) => outcome === 'lease_lost')) reject(leaseLost())
      else resolve(claimOf(own))
    }
  }

  function claimOf(rows: ClaimRow[]): Claim {
    const rest = rows.find(({ outcome }) => outcome === 'rest')
    const claimed = rows.flatMap((row) => (row.outcome === 'claimed' ? [row] : []))
    return {
      commands: claimed.flatMap((row) => workOf(row) ?? []),
      secondsToNext: rest?.seconds ?? null,
      isBehind: rest?.is_behind ?? false,
      held: rest?.held ?? 0,
      unknown: claimed.filter((row) => !Command.safeParse(row).success).map(({ id }) => String(id)),
    }
  }

  function workOf(row: CommandRow): ClaimedWork | null {
    const parsed = Command.safeParse(row)
    if (!parsed.success) return null
    return {
      ...parsed.data,
      id: String(row.id),
      user_id: row.user_id,
      attempts: row.attempts,
      created_at: row.created_at,
      lane: row.lane,
      message: row.message && {
        ...row.message,
        proto: protos.open({ proto: row.proto, sealedAs: row.sealed_as }),
      },
    }
  }

  return {
    claim: (lease, limit, depth) =>
      new Promise((resolve, reject) => groups.add({ lease, limit, depth, resolve, reject })),
  }
}

/** As many as fit, each session once. */
function countOfGroup(waiting: Waiting[]): number {
  const sessions = new Set<string>()
  for (const { lease } of waiting) {
    if (sessions.size >= largestGroup || sessions.has(lease.sessionId)) break
    sessions.add(lease.sessionId)
  }
  return sessions.size
}
