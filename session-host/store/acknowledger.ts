import type { Database } from './database.ts'
import { leaseLost, type Lease } from './fenced.ts'
import { createGrouping } from './grouping.ts'

export interface Acknowledger {
  /**
   * WhatsApp's server has acknowledged a message: status, event and command in one transaction, which other sessions' acknowledgements
   * may share. Fails with lease_lost for a stale owner.
   */
  acknowledge(lease: Lease, waId: string): Promise<void>
}

interface Waiting {
  lease: Lease
  waId: string
  resolve: () => void
  reject: (error: unknown) => void
}

const largestGroup = 200

/** @see Acknowledger. One for all sessions of a host. */
export function createAcknowledger(
  database: Database,
  { holder, inFlight = 2 }: { holder: string; inFlight?: number },
): Acknowledger {
  const groups = createGrouping<Waiting>({
    inFlight,
    take: (waiting) => Math.min(waiting.length, largestGroup),
    run: store,
  })

  async function store(group: Waiting[]): Promise<void> {
    try {
      const lost = await database.query<{ lost_session_id: string }>(
        'select lost_session_id from private.acknowledge_messages($1, $2, $3, $4)',
        [
          holder,
          group.map(({ lease }) => lease.sessionId),
          group.map(({ lease }) => lease.epoch),
          group.map(({ waId }) => waId),
        ],
        'acknowledge_messages',
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
    acknowledge: (lease, waId) => new Promise((resolve, reject) => groups.add({ lease, waId, resolve, reject })),
  }
}
