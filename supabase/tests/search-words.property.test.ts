import { createHash, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase, readAll, type LinkedSession } from './linked-session.fixture.ts'

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

const word = fc.oneof(
  fc.constantFrom(
    'mañana',
    'Corriendo',
    'meetings',
    'año',
    'AÑO',
    'co\u0301mo',
    'el',
    'the',
    'ŁÓDŹ',
    'жуки',
    '日本語',
    '😀👍',
  ),
  fc.constantFrom(
    '007',
    '-3.14',
    '1e5',
    '12abc',
    'abc12',
    'a@b.com',
    'https://x.es/a?b=c',
    '<b>',
    '&amp;',
    "it's",
    'C++',
    'x_y',
  ),
  fc.constantFrom(
    '¡hola!',
    '«a»',
    '12—13',
    '3•4',
    '€5',
    '\u00a0',
    '\u2028',
    'a\u00a0b',
    'a\u200bb',
    'ﬁn',
    'İx',
    'x'.repeat(70),
  ),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.stringMatching(/^[0-9a-zñáé.,:-]{1,8}$/),
)
const text = fc
  .array(fc.tuple(word, fc.constantFrom(' ', ' ', '\n', '\t', '', '. ')), { minLength: 1, maxLength: 8 })
  .map((parts) => parts.map((part) => part.join('')).join(''))

/** A chunk of history that waits to be imported. */
async function chunkOf({ sessionId, userId }: LinkedSession): Promise<string> {
  const [chunk] = await database.query<{ id: string }>(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
       values ($1, $2, $3, 'x', 'recent', 'x') returning id`,
    [sessionId, userId, createHash('sha256').update(randomUUID()).digest('hex')],
  )
  return chunk?.id ?? ''
}

function slice(chunkId: string, texts: string[], isLast: boolean): InboundBatch {
  const messages = texts.map((each, n): InboundMessage => ({
    chat: '34600000001@s.whatsapp.net',
    waId: randomUUID(),
    fromMe: false,
    at: 1_700_000_000 + n * 86_400,
    type: 'text',
    text: each,
    status: 'read',
    live: false,
  }))
  return { ...emptyBatch(), messages, history: { chunkId, syncType: 'recent', position: 1, isLast, pairs: [] } }
}

/** How many messages have a text, how many of them are in the index, and which are there by other words than a live one would be. */
async function indexed({ sessionId }: LinkedSession): Promise<unknown> {
  // As the owner of the database, who sees the index.
  const [counts] = await readAll<{ texts: number; indexed: number; other: string[] | null }>(
    stack,
    `select count(*)::int as texts, count(s.message_id)::int as indexed, array_agg(m.text_content) filter (
         where s.document is distinct from private.search_document(
           m.user_id, m.conversation_id, m.message_type, m.text_content, m.created_at)) as other
       from public.messages_new m left join private.message_search s on s.message_id = m.id
       where m.session_id = $1 and m.text_content <> ''`,
    [sessionId],
  )
  return counts
}

test('what a history brings is found by exactly the words by which it would be found had it come live', async () => {
  const session = await createLinkedSession(stack, database)
  const projection = createProjection(database, session.lease)
  let texts = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 30 }),
      fc.array(text, { maxLength: 5 }),
      async (first, last) => {
        const chunk = await chunkOf(session)
        await projection.project(slice(chunk, first, false))
        await projection.project(slice(chunk, last, true))
        texts += [...first, ...last].filter((each) => each !== '').length
      },
    ),
    { numRuns: 30 },
  )
  expect(await indexed(session)).toEqual({ texts, indexed: texts, other: null })
})

test('what could not be indexed, and what a host that died had not indexed yet, is found when the rest is imported', async () => {
  const session = await createLinkedSession(stack, database)
  const chunk = await chunkOf(session)
  const projection = createProjection(database, session.lease)
  const signature = 'function private.index_messages(uuid[], text[])'
  await readAll(stack, `revoke execute on ${signature} from session_host`)
  await projection.project(slice(chunk, ['una factura', 'dos cafés'], false))
  await expect(projection.project(slice(chunk, ['tres'], true))).rejects.toThrow('permission denied')
  expect(await indexed(session)).toEqual({ texts: 2, indexed: 2, other: null })
  await readAll(stack, `grant execute on ${signature} to session_host`)
  // As a host leaves it that dies between storing and indexing.
  await readAll(stack, 'delete from private.message_search where user_id = $1', [session.userId])
  await readAll(stack, 'update private.history_chunks set unindexed = true where id = $1', [chunk])
  await createProjection(database, session.lease).project(slice(chunk, ['tres'], true))
  expect(await indexed(session)).toEqual({ texts: 3, indexed: 3, other: null })
  expect(await database.query('select unindexed, status from private.history_chunks where id = $1', [chunk])).toEqual([
    { unindexed: false, status: 'stored' },
  ])
})
