import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendEvents } from '../../session-host/store/append-events.ts'
import type { Database } from '../../session-host/store/database.ts'
import { fenced } from '../../session-host/store/fenced.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

let stack: ServedDatabase
let database: Database
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack, 8)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const write = fc.record({ session: fc.nat({ max: 2 }), count: fc.nat({ max: 4 }), fails: fc.boolean() })

test('seq is gapless, unique and in commit order, however many connections write and however many of them fail', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(write, { minLength: 10, maxLength: 40 }), async (writes) => {
      const sessions = await Promise.all([0, 1, 2].map(() => createLinkedSession(stack, database)))
      const before = await Promise.all(sessions.map(logOf))
      let finished = false
      const reader = (async () => {
        while (!finished) for (const session of sessions) expectGapless(await logOf(session))
      })()
      const results = await Promise.allSettled(writes.map((item, n) => append(sessions[item.session], item, n)))
      finished = true
      await reader

      for (const [index, session] of sessions.entries()) {
        const log = await logOf(session)
        expectGapless(log)
        const committed = writes.flatMap((item, n) =>
          item.session === index && !item.fails && item.count > 0 ? [[n, item.count] as const] : [],
        )
        const added = log.slice(before[index]?.length ?? 0).map(({ mark }) => mark)
        // What one write appended stands together, in its order.
        expect(added.toSorted()).toEqual(
          committed.flatMap(([n, count]) => Array.from({ length: count }, (_, i) => `${n}.${i}`)).toSorted(),
        )
        for (const [n, count] of committed) {
          const start = added.indexOf(`${n}.0`)
          expect(added.slice(start, start + count)).toEqual(Array.from({ length: count }, (_, i) => `${n}.${i}`))
          expect(results[n]).toMatchObject({ status: 'fulfilled', value: (before[index]?.length ?? 0) + start + count })
        }
        const [stream] = await database.query<{ last_seq: number }>(
          'select last_seq from private.session_streams where session_id = $1',
          [session.sessionId],
        )
        expect(stream?.last_seq).toBe(log.length)
      }
    }),
    { numRuns: 12 },
  )
})

async function append(
  session: LinkedSession | undefined,
  { count, fails }: { count: number; fails: boolean },
  n: number,
): Promise<number> {
  if (!session) throw new Error('no such session')
  return fenced(database, session.lease, async (transaction) => {
    const last = await appendEvents(
      transaction,
      session,
      Array.from({ length: count }, (_, i) => ({
        type: 'session.status',
        data: { status: 'connected', phone: `${n}.${i}` },
      })),
    )
    if (fails) await transaction.query('select 1 / 0')
    return last
  })
}

async function logOf(session: LinkedSession): Promise<{ seq: number; mark: string }[]> {
  return database.query(
    `select seq, data ->> 'phone' as mark from public.session_events where session_id = $1 order by seq`,
    [session.sessionId],
  )
}

function expectGapless(log: { seq: number }[]): void {
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1))
}
