import type { Database, Transaction } from './database.ts'

/** The right to write for one session: held by this host while the epoch is current. */
export interface Lease {
  sessionId: string
  userId: string
  holder: string
  epoch: number
}

/**
 * Runs `work` in a transaction that a stale owner cannot commit: the lease row is checked by the database's clock and kept from a
 * take-over until the end. Fails with the database error whose hint is lease_lost.
 */
export function fenced<T>(
  database: Database,
  lease: Lease,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(
      'select private.assert_lease($1, $2, $3)',
      [lease.sessionId, lease.holder, lease.epoch],
      'assert_lease',
    )
    return await work(transaction)
  })
}

/** The error of a stale owner, as the database words it. */
export function leaseLost(): Error {
  return Object.assign(new Error('Another host holds this session.'), { hint: 'lease_lost' })
}

/** True for an error that says that another host owns the session now. */
export function isLeaseLost(error: unknown): boolean {
  return (error as { hint?: unknown } | null)?.hint === 'lease_lost'
}
