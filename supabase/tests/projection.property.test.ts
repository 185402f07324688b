import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection } from '../../session-host/store/projection.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase, type LinkedSession } from './linked-session.fixture.ts'

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

const chats = [
  '34600000001@s.whatsapp.net',
  '900000000000001@lid',
  '34600000002@s.whatsapp.net',
  '120363000000000001@g.us',
]
const id = fc.nat({ max: 9 })
const fact = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      id,
      fromMe: fc.boolean(),
      live: fc.boolean(),
      placeholder: fc.boolean(),
      text: fc.string({ maxLength: 8 }),
    }),
  },
  fc.record({
    kind: fc.constant('receipt' as const),
    id,
    status: fc.constantFrom('delivered' as const, 'read' as const, 'played' as const),
  }),
  fc.record({ kind: fc.constant('edit' as const), id, text: fc.string({ maxLength: 8 }), at: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constant('revoke' as const), id, at: fc.nat({ max: 3 }) }),
  fc.record({
    kind: fc.constant('person' as const),
    chat: fc.nat({ max: 2 }),
    name: fc.string({ minLength: 1, maxLength: 8 }),
    pair: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('group' as const),
    name: fc.string({ minLength: 1, maxLength: 8 }),
    archived: fc.boolean(),
  }),
)
type Fact = typeof fact extends fc.Arbitrary<infer T> ? T : never

/** A message's chat, direction and time follow from its id. Receipts and edits come after what they are about, as WhatsApp sends them. */
function batchOf(facts: Fact[], known: Set<number>): InboundBatch {
  const batch = emptyBatch()
  for (const item of facts) {
    const chat = 'id' in item ? (chats[item.id % chats.length] ?? '') : ''
    const about = 'id' in item ? { chat, waId: `wa${item.id}`, fromMe: item.id % 2 === 0 } : null
    if (item.kind === 'message' && about) {
      const status = about.fromMe ? 'sent' : 'received'
      batch.messages.push({
        ...about,
        at: 1_790_000_000 + (item.id % 4),
        live: item.live,
        status,
        ...(item.placeholder
          ? { type: 'unsupported' as const, text: null, unsupportedType: 'ciphertext' }
          : { type: 'text' as const, text: `${item.id} text` }),
        ...(chat.endsWith('@g.us') ? { sender: chats[2] ?? '' } : {}),
      })
      known.add(item.id)
    } else if (item.kind === 'person')
      batch.people.push({
        jid: chats[item.chat] ?? '',
        name: item.name,
        ...(item.pair && item.chat < 2 ? { alt: chats[1 - item.chat] ?? '' } : {}),
      })
    else if (item.kind === 'group') batch.chats.push({ jid: chats[3] ?? '', name: item.name, archived: item.archived })
    else if (about && 'id' in item && known.has(item.id)) {
      const sender = chat.endsWith('@g.us') ? { sender: chats[2] ?? '' } : {}
      if (item.kind === 'receipt') batch.receipts.push({ ...about, status: item.status })
      else if (item.kind === 'edit')
        batch.changes.push({ ...about, ...sender, kind: 'edit', text: item.text, at: item.at })
      else if (item.kind === 'revoke') batch.changes.push({ ...about, ...sender, kind: 'revoke', at: item.at })
    }
  }
  return batch
}

/** Two messages of one second; the own phone had read the first before the second was there. */
const readBeforeANeighbour: Fact[][] = [
  [{ kind: 'message', id: 5, fromMe: false, live: false, placeholder: false, text: '' }],
  [{ kind: 'receipt', id: 5, status: 'played' }],
  [{ kind: 'message', id: 9, fromMe: false, live: false, placeholder: false, text: '' }],
]

test('what WhatsApp delivers again changes no row: any run of batches may be replayed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fact, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      async (lists, from) => {
        const session = await createLinkedSession(stack, database)
        const projection = createProjection(database, session.lease)
        const known = new Set<number>()
        const batches = lists.map((facts) => batchOf(facts, known))
        for (const batch of batches) await projection.project(batch)
        const before = await rowsOf(session)
        // A prefix is replayed by applying everything from some batch on, since that is where a host that died starts again.
        for (const batch of batches.slice(from % batches.length)) await projection.project(batch)
        expect(await rowsOf(session)).toEqual(before)
        for (const batch of batches) await projection.project(batch)
        expect(await rowsOf(session)).toEqual(before)
      },
    ),
    { numRuns: 50, examples: [[readBeforeANeighbour, 0]] },
  )
})

/** The session's rows without what a replay may touch: when a row was last written. */
async function rowsOf(session: LinkedSession): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {}
  for (const [table, order] of [
    ['public.contacts', 'id'],
    ['public.contact_identities', 'jid'],
    ['public.conversations_new', 'id'],
    ['public.messages_new', 'id'],
  ] as const)
    rows[table] = (
      await database.query<{ row: unknown }>(
        `select to_jsonb(t) - 'updated_at' as row from ${table} t where t.session_id = $1 order by ${order}`,
        [session.sessionId],
      )
    ).map(({ row }) => row)
  return rows
}
