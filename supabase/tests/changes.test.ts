import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { asUser, createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let stack: ServedDatabase
let database: Database
let session: LinkedSession
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
  session = await createLinkedSession(stack, database)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const chat = '34600000001@s.whatsapp.net'
const at = Math.floor(Date.now() / 1000)

async function receive(message: { waId: string; fromMe?: boolean; expiresAt?: number; at?: number }): Promise<Row> {
  const { fromMe = false } = message
  await createProjection(database, session.lease).project({
    ...emptyBatch(),
    messages: [
      {
        chat,
        at,
        type: 'text',
        text: message.waId,
        status: fromMe ? 'sent' : 'received',
        live: true,
        ...message,
        fromMe,
      },
    ],
  })
  const [row] = await database.query<Row>(
    'select id, conversation_id from public.messages_new where session_id = $1 and wa_id = $2',
    [session.sessionId, message.waId],
  )
  if (!row) throw new Error('the message was not stored')
  return row
}
interface Row {
  id: string
  conversation_id: string
}

test.each([
  ['edit_message($1, $3, $2)', ['other words']],
  ['delete_message($1, $2)', []],
])('a key that was used answers as the first time though its message is gone: %s', async (call, more) => {
  const { id } = await receive({ waId: `M${randomUUID()}`, fromMe: true })
  const key = randomUUID()
  const ask = async (text: unknown[]): Promise<Record<string, unknown> | undefined> =>
    asUser(database, session.userId, async (query) => {
      const [row] = await query<{ answer: Record<string, unknown> }>(`select private.${call} as answer`, [
        id,
        key,
        ...text,
      ])
      return row?.answer
    })
  const first = await ask(more)
  await database.query('update public.messages_new set revoked_at = now(), text_content = null where id = $1', [id])
  expect(await ask(more)).toEqual({ ...first, replayed: true })
  const other = await receive({ waId: `M${randomUUID()}`, fromMe: true })
  await expect(
    asUser(database, session.userId, (query) => query('select private.delete_message($1, $2)', [other.id, key])),
  ).rejects.toThrow('used for another request')
})

test('what disappears does not bring a message back that was deleted for the account alone', async () => {
  const shown = await receive({ waId: 'shown', at: at + 10 })
  const hidden = await receive({ waId: 'hidden', at: at + 20 })
  const leaving = await receive({ waId: 'leaving', at: at + 30, expiresAt: at + 100_000 })
  await database.query('update public.messages_new set hidden_at = now() where id = $1', [hidden.id])
  await database.query(`update public.messages_new set expires_at = now() - interval '1 second' where id = $1`, [
    leaving.id,
  ])
  await database.query('select private.expire_messages()')
  expect(
    await database.query('select last_message_id from public.conversations_new where id = $1', [shown.conversation_id]),
  ).toEqual([{ last_message_id: shown.id }])
})

test('an edit that arrives while its reader marks the chat as read takes rows in the same order: nobody is in the way', async () => {
  const { id, conversation_id } = await receive({ waId: 'edited', at: at + 40 })
  let project: Promise<void> | undefined
  await database.transaction(async (transaction) => {
    await transaction.query('select 1 from public.conversations_new where id = $1 for update', [conversation_id])
    project = createProjection(database, session.lease).project({
      ...emptyBatch(),
      changes: [{ chat, waId: 'edited', fromMe: false, at: at + 50, kind: 'edit', text: 'said better' }],
    })
    await lockIsAwaited()
    await transaction.query(`set local lock_timeout = '3s'`)
    await transaction.query(`update public.messages_new set status = 'read' where id = $1`, [id])
  })
  await project
  expect(await database.query('select status, text_content from public.messages_new where id = $1', [id])).toEqual([
    { status: 'read', text_content: 'said better' },
  ])
})

test.each([['in one batch'], ['one after the other']])(
  'in a group nobody fills in what somebody else wrote and could not be read yet, %s',
  async (how) => {
    const waId = `G${randomUUID()}`
    const group = '120363000000000001@g.us'
    const base = { chat: group, waId, fromMe: false, at, status: 'received' as const, live: true }
    const placeholder = {
      ...base,
      type: 'unsupported' as const,
      text: null,
      unsupportedType: 'ciphertext',
      sender: '34600000002@s.whatsapp.net',
    }
    const forged = { ...base, type: 'text' as const, text: 'forged', sender: '34600000003@s.whatsapp.net' }
    const real = { ...base, type: 'text' as const, text: 'real', sender: placeholder.sender }
    const batches = how === 'in one batch' ? [[placeholder, forged], [real]] : [[placeholder], [forged], [real]]
    const texts: (string | null)[] = []
    for (const messages of batches) {
      await createProjection(database, session.lease).project({ ...emptyBatch(), messages })
      const rows = await database.query<{ text_content: string | null }>(
        'select text_content from public.messages_new where session_id = $1 and wa_id = $2',
        [session.sessionId, waId],
      )
      texts.push(...rows.map((row) => row.text_content))
    }
    expect(texts).toEqual([...batches.slice(1).map(() => null), 'real'])
  },
)

async function lockIsAwaited(): Promise<void> {
  for (;;) {
    const rows = await database.query('select 1 from pg_locks where not granted')
    if (rows.length > 0) return
  }
}
