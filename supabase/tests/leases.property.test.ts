import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendEvents } from '../../session-host/store/append-events.ts'
import type { Database } from '../../session-host/store/database.ts'
import { fenced, isLeaseLost, type Lease } from '../../session-host/store/fenced.ts'
import { createLeaseStore } from '../../session-host/store/leases.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

let stack: ServedDatabase
let database: Database
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack, 10)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

test('when a lease has run out, one of those who want it gets it with the next epoch, and nothing of an older one is written after', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat({ max: 3 }), { minLength: 2, maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      async (hosts, writes, rounds) => {
        const session = await createLinkedSession(stack, database)
        let lease = session.lease
        for (let round = 0; round < rounds; round += 1) {
          const old = lease
          const holders = Array.from({ length: hosts }, () =>
            createLeaseStore(database, { holder: randomUUID(), seconds: 3_600 }),
          )
          const writing = writes.map((pause) => write(session, old, pause))
          await createLeaseStore(database, { holder: old.holder, seconds: 1 }).release(old)
          const taken = (
            await Promise.all(
              holders.map(async (store) => {
                const mine = await store.acquire({ id: session.sessionId, user_id: session.userId })
                if (mine) await write(session, mine, 0)
                return mine
              }),
            )
          ).filter((mine) => mine !== null)
          const outcomes = await Promise.all(writing)
          expect(outcomes.every((outcome) => outcome === 'written' || outcome === 'lease lost')).toBe(true)
          expect(taken.map(({ epoch }) => epoch)).toEqual([old.epoch + 1])
          expect(await write(session, old, 0)).toBe('lease lost')
          lease = taken[0] ?? lease
        }
        const log = await database.query<{ epoch: string }>(
          `select data ->> 'phone' as epoch from public.session_events
             where session_id = $1 and data ->> 'phone' is not null order by seq`,
          [session.sessionId],
        )
        const epochs = log.map(({ epoch }) => Number(epoch))
        expect(epochs).toEqual(epochs.toSorted((a, b) => a - b))
      },
    ),
    { numRuns: 25 },
  )
})

test('a holder renews its own leases only, and none that has run out', async () => {
  const [mine, lost, theirs] = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database)))
  if (!mine || !lost || !theirs) throw new Error('a session is missing')
  const holder = mine.lease.holder
  const store = createLeaseStore(database, { holder, seconds: 60 })
  const other = createLeaseStore(database, { holder: lost.lease.holder, seconds: 60 })
  await other.release(lost.lease)
  expect(await store.renew([mine.lease, { ...lost.lease, holder }, { ...theirs.lease, holder }])).toEqual(
    new Set([mine.sessionId]),
  )
  expect(await other.renew([lost.lease])).toEqual(new Set())
  expect((await store.acquire({ id: lost.sessionId, user_id: lost.userId }))?.epoch).toBe(2)
})

/** Appends an event marked with the lease's epoch, after so many statements in its transaction. */
async function write(session: LinkedSession, lease: Lease, pause: number): Promise<'written' | 'lease lost'> {
  try {
    await fenced(database, lease, async (transaction) => {
      for (let n = 0; n < pause; n += 1) await transaction.query('select 1')
      await appendEvents(transaction, session, [
        { type: 'session.status', data: { status: 'connected', phone: String(lease.epoch) } },
      ])
    })
    return 'written'
  } catch (error) {
    if (isLeaseLost(error)) return 'lease lost'
    throw error
  }
}
