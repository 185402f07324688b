import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import type { MessageStatus } from '#shared/message.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createGroupCommit } from '../../session-host/store/group-commit.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, hostDatabase } from './linked-session.fixture.ts'

let stack: ServedDatabase
let database: Database
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const ranks: MessageStatus[] = ['pending', 'sent', 'delivered', 'read', 'played']
const step = fc.oneof(
  fc.record({
    kind: fc.constant('receipts' as const),
    statuses: fc.array(fc.constantFrom(...ranks.slice(1)), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('acknowledgement' as const) }),
)

test('a message’s status only ever rises, to the highest that was reported, in whatever order and however often', async () => {
  const session = await createLinkedSession(stack, database)
  const chat = '34600000001@s.whatsapp.net'
  const projection = createGroupCommit(database, { holder: session.lease.holder }).forLease(session.lease)
  await projection.project({ ...emptyBatch(), chats: [{ jid: chat }] })

  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), async (steps, together) => {
      const message = await submit(session.userId, chat)
      let before = 0
      const take = async (item: (typeof steps)[number]): Promise<void> => {
        await (item.kind === 'acknowledgement'
          ? projection.project({ ...emptyBatch(), acks: [message.wa_id] })
          : projection.project({
              ...emptyBatch(),
              receipts: item.statuses.map((status) => ({ chat, waId: message.wa_id, fromMe: true, status })),
            }))
        const now = await rankOf(message.id)
        expect(now).toBeGreaterThanOrEqual(together ? 0 : before)
        before = now
      }
      if (together) await Promise.all(steps.map(take))
      else for (const item of steps) await take(item)

      const reported = steps.flatMap((item) => (item.kind === 'receipts' ? item.statuses : (['sent'] as const)))
      expect(await rankOf(message.id)).toBe(Math.max(0, ...reported.map((status) => ranks.indexOf(status))))
      // Whatever proved that it left, its command is not carried out again.
      const [open] = await database.query<{ count: number }>(
        `select count(*) as count from private.session_commands where message_id = $1 and status in ('queued', 'claimed')`,
        [message.id],
      )
      expect(open?.count).toBe(reported.length === 0 ? 1 : 0)
    }),
    { numRuns: 40 },
  )
  const rises = await database.query<{ rises: string[] }>(
    `select array_agg(data ->> 'status' order by seq) as rises from public.session_events
       where session_id = $1 and type = 'message.status' group by data ->> 'message_id'`,
    [session.sessionId],
  )
  for (const { rises: statuses } of rises)
    expect(statuses.map((status) => ranks.indexOf(status as MessageStatus))).toEqual(
      [...new Set(statuses)].map((status) => ranks.indexOf(status as MessageStatus)).toSorted((a, b) => a - b),
    )
})

async function submit(userId: string, chat: string): Promise<{ id: string; wa_id: string }> {
  return asUser(database, userId, async (query) => {
    const [row] = await query<{ answer: { message: { id: string; wa_id: string } } }>(
      `select private.submit_message($1, 'hello', null, null, 'user') as answer`,
      [chat],
    )
    if (!row) throw new Error('submit_message answered nothing')
    return row.answer.message
  })
}

async function rankOf(messageId: string): Promise<number> {
  const [row] = await database.query<{ status: MessageStatus }>(
    'select status from public.messages_new where id = $1',
    [messageId],
  )
  return row ? ranks.indexOf(row.status) : -1
}
