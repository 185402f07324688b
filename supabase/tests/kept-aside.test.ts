import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { emptyBatch } from '#shared/inbound.ts'
import { projectSafely } from '../../session-host/sessions/project-safely.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createQuarantineStore } from '../../session-host/store/quarantine.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase, readAll, type LinkedSession } from './linked-session.fixture.ts'

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

const logger = { info() {}, warn() {}, error() {}, debug() {} }

test('what one version of the host has tried often enough, another one tries again', async () => {
  await database.query(
    `insert into private.quarantined_messages (session_id, id, stanza_key, ciphertext, stage, error, attempts, received_at)
       values ($1, $2, $2, 'x', 'store', '22023', 1, now())`,
    [session.sessionId, 'a'.repeat(64)],
  )
  const tries = async (version: string) => {
    const store = createQuarantineStore(database, session.lease, version)
    const ids = await store.retry(2)
    if (ids.length > 0) await store.keep(ids, 'store', '22023')
    return ids.length
  }
  const answers: number[] = []
  for (const version of ['1', '1', '1', '2', '2', '2']) answers.push(await tries(version))
  expect(answers).toEqual([1, 0, 0, 1, 1, 0])
})

test('what the database refuses of a chunk of history is counted, shows as incomplete, and is had again by a newer host once', async () => {
  const [chunk] = await database.query<{ id: string }>(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, progress, notice)
       values ($1, $2, $3, 'N', 'recent', 100, 'sealed') returning id`,
    [session.sessionId, session.userId, randomBytes(32).toString('hex')],
  )
  if (!chunk) throw new Error('no chunk')
  await readAll(
    stack,
    `create function private.refuse_for_test() returns trigger language plpgsql as
       $$ begin if new.text_content = 'poison' then raise exception using errcode = '22023'; end if; return new; end $$;
     create trigger refuse_for_test before insert on public.messages_new
       for each row execute function private.refuse_for_test()`,
  )
  const message = (waId: string, text: string) => ({
    chat: '34600000001@s.whatsapp.net',
    waId,
    text,
    fromMe: false,
    at: 1_700_000_000,
    type: 'text' as const,
    status: 'read' as const,
    live: false,
  })
  const batch = {
    ...emptyBatch(),
    messages: [message('H1', 'one'), message('H2', 'poison'), message('H3', 'three')],
    history: { chunkId: chunk.id, syncType: 'recent', position: 1, isLast: true, pairs: [] },
  }
  await projectSafely(createProjection(database, session.lease), batch, { logger, givesUp: () => true })
  const state = async () =>
    readAll(
      stack,
      `select h.status, h.refused, h.notice is not null as kept, s.sync_status, s.sync_chunks_failed
         from private.history_chunks h join public.whatsapp_sessions s on s.id = h.session_id where h.id = $1`,
      [chunk.id],
    )
  const incomplete = { refused: 1, kept: true, sync_status: 'incomplete', sync_chunks_failed: 1 }
  expect(await state()).toEqual([{ ...incomplete, status: 'stored' }])
  expect(await readAll(stack, 'select chunks::int, refused::int from dashboard.history_refusals')).toEqual([
    { chunks: 1, refused: 1 },
  ])

  const store = createQuarantineStore(database, session.lease, '3')
  await store.retry(2)
  expect(await state()).toMatchObject([{ status: 'waiting', refused: 0 }])
  await projectSafely(createProjection(database, session.lease), batch, { logger, givesUp: () => true })
  await store.retry(2)
  expect(await state()).toEqual([{ ...incomplete, status: 'stored' }])

  await createQuarantineStore(database, session.lease, '4').retry(2)
  await readAll(stack, 'drop trigger refuse_for_test on public.messages_new; drop function private.refuse_for_test()')
  await projectSafely(createProjection(database, session.lease), batch, { logger, givesUp: () => true })
  expect(await state()).toEqual([
    { status: 'stored', refused: 0, kept: false, sync_status: 'complete', sync_chunks_failed: 0 },
  ])
  expect(
    await readAll(stack, `select text_content from public.messages_new where wa_id like 'H_' order by wa_id`),
  ).toEqual(['one', 'poison', 'three'].map((text_content) => ({ text_content })))
})
