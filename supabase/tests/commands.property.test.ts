import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ClaimedCommand } from '#shared/commands.ts'
import { emptyBatch } from '#shared/inbound.ts'
import { createCommandStore, type CommandStore } from '../../session-host/store/commands.ts'
import type { Database } from '../../session-host/store/database.ts'
import type { Lease } from '../../session-host/store/fenced.ts'
import { createLeaseStore } from '../../session-host/store/leases.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

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

const chats = ['34600000001@s.whatsapp.net', '34600000002@s.whatsapp.net', '120363000000000001@g.us']
const lane = fc.nat({ max: chats.length - 1 })
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('submit' as const), lane }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('claim' as const),
      limit: fc.integer({ min: 1, max: 4 }),
      workers: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('finish' as const, 'fail' as const, 'retry now' as const, 'retry later' as const),
      pick: fc.nat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('take over' as const) }) },
)

/** What the outbox must do, in memory: each lane's open commands in order, and who carries out which. */
interface Model {
  /** Open commands of each lane, oldest first. */
  lanes: { id: string; claimed: boolean; waits: boolean }[][]
  running: ClaimedCommand[]
}

test('only the head of a lane is carried out, by the newest owner alone, so that nothing overtakes and nothing runs twice', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const session = await createLinkedSession(stack, database)
      await createProjection(database, session.lease).project({ ...emptyBatch(), chats: chats.map((jid) => ({ jid })) })
      const model: Model = { lanes: chats.map(() => []), running: [] }
      let lease = session.lease
      let stale: Lease | undefined
      for (const item of steps) {
        const store = createCommandStore(database, lease)
        if (item.kind === 'submit') {
          const messageId = await submit(session, chats[item.lane] ?? '')
          const [row] = await database.query<{ id: number }>(
            'select id from private.session_commands where message_id = $1',
            [messageId],
          )
          model.lanes[item.lane]?.push({ id: String(row?.id), claimed: false, waits: false })
        } else if (item.kind === 'claim') {
          await claim(store, item, model)
        } else if (item.kind === 'take over') {
          stale = lease
          lease = await takeOver(session, lease)
          // What the old owner had begun is claimed again, whatever became of it there.
          for (const command of model.lanes.flat()) command.claimed = false
          model.running = []
        } else await conclude(store, item, model)
        if (stale) await expectRefused(createCommandStore(database, stale))
      }
    }),
    { numRuns: 25 },
  )
})

async function claim(
  store: CommandStore,
  { limit, workers }: { limit: number; workers: number },
  model: Model,
): Promise<void> {
  const claims = (await Promise.all(Array.from({ length: workers }, () => store.claim(limit)))).flatMap(
    ({ commands }) => commands,
  )
  const runnable = model.lanes.flatMap(([head]) => (head && !head.claimed && !head.waits ? [head] : []))
  const ids = claims.map((command) => command.id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(runnable.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
  // Two that claim at once may both miss what the other took; one alone takes all that it may.
  const oldest = runnable.map(({ id }) => Number(id)).toSorted((a, b) => a - b)
  const wanted = workers === 1 ? oldest.slice(0, limit) : ids.map(Number)
  expect(ids.map(Number)).toEqual(wanted)
  for (const head of runnable) head.claimed ||= ids.includes(head.id)
  model.running.push(...claims)
}

async function conclude(
  store: CommandStore,
  { kind, pick }: { kind: string; pick: number },
  model: Model,
): Promise<void> {
  const [command] = model.running.splice(pick % Math.max(1, model.running.length), 1)
  if (!command) return
  const open = model.lanes.find((commands) => commands[0]?.id === command.id)
  const head = open?.[0]
  if (!open || !head) throw new Error('what runs is not the head of a lane')
  if (kind === 'finish' || kind === 'fail') {
    await (kind === 'finish' ? store.finish(command, {}) : store.failMessage(command, 'not_on_whatsapp'))
    open.shift()
    return
  }
  await store.retry(command, { delaySeconds: kind === 'retry now' ? 0 : 3_600, counts: true })
  head.claimed = false
  head.waits = kind === 'retry later'
}

async function takeOver({ sessionId, userId }: LinkedSession, lease: Lease): Promise<Lease> {
  await createLeaseStore(database, { holder: lease.holder, seconds: 1 }).release(lease)
  const next = await createLeaseStore(database, { holder: randomUUID(), seconds: 3_600 }).acquire({
    id: sessionId,
    user_id: userId,
  })
  expect(next?.epoch).toBe(lease.epoch + 1)
  return next ?? lease
}

async function expectRefused(store: CommandStore): Promise<void> {
  await expect(store.claim(10)).rejects.toMatchObject({ hint: 'lease_lost' })
  await expect(store.releaseAll([])).rejects.toMatchObject({ hint: 'lease_lost' })
}

test('an idempotency key used by many at once makes one message, and another body with it is a conflict', async () => {
  const session = await createLinkedSession(stack, database)
  await createProjection(database, session.lease).project({ ...emptyBatch(), chats: chats.map((jid) => ({ jid })) })
  await fc.assert(
    fc.asyncProperty(
      fc.uuid(),
      fc.array(
        fc.record({
          text: fc.constantFrom('one', 'one', 'other'),
          chat: fc.constantFrom(chats[0], chats[0], chats[1]),
        }),
        {
          minLength: 2,
          maxLength: 10,
        },
      ),
      async (key, calls) => {
        const results = await Promise.allSettled(
          calls.map(({ text, chat }) =>
            asUser(database, session.userId, async (query) => {
              const [row] = await query<{ answer: { message: { id: string }; replayed: boolean } }>(
                `select private.submit_message($1, $2, $3, null, 'user') as answer`,
                [chat, text, key],
              )
              return row?.answer
            }),
          ),
        )
        const answers = results.flatMap((result, n) =>
          result.status === 'fulfilled' && result.value ? [{ ...result.value, call: JSON.stringify(calls[n]) }] : [],
        )
        expect(new Set(answers.map(({ message }) => message.id)).size).toBe(1)
        expect(answers.filter(({ replayed }) => !replayed).length).toBe(1)
        // The first one decides which body it is; every call with that body, and none else, was answered.
        const [first] = answers
        const same = calls.filter((call) => JSON.stringify(call) === first?.call).length
        expect(answers.map(({ call }) => call)).toEqual(Array.from({ length: same }, () => first?.call))
        const refusals = results.flatMap((result) =>
          result.status === 'rejected' ? [result.reason as { hint?: string }] : [],
        )
        expect(refusals.map(({ hint }) => hint)).toEqual(refusals.map(() => 'idempotency_conflict'))
        const [count] = await database.query<{ count: number }>(
          `select count(*) as count from private.session_commands where message_id = $1`,
          [first?.message.id],
        )
        expect(count?.count).toBe(1)
      },
    ),
    { numRuns: 25 },
  )
  const [loose] = await database.query<{ messages: number; commands: number }>(
    `select (select count(*) from public.messages_new where session_id = $1) as messages,
       (select count(*) from private.session_commands where session_id = $1) as commands`,
    [session.sessionId],
  )
  expect(loose?.messages).toBe(loose?.commands)
})

async function submit(session: LinkedSession, chat: string): Promise<string> {
  return asUser(database, session.userId, async (query) => {
    const [row] = await query<{ answer: { message: { id: string } } }>(
      `select private.submit_message($1, 'hello', null, null, 'user') as answer`,
      [chat],
    )
    if (!row) throw new Error('submit_message answered nothing')
    return row.answer.message.id
  })
}
