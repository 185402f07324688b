import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatPhone } from '#shared/contact.ts'
import { phoneOf } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
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

const people = 3
const number = (person: number): string => `3460000000${person}@s.whatsapp.net`
const lid = (person: number): string => `90000000000000${person}@lid`

/** One thing that WhatsApp says of a person: a message under one address or both, or that the two addresses are one person's. */
const news = fc.record({
  person: fc.nat({ max: people - 1 }),
  address: fc.constantFrom('number', 'lid'),
  names: fc.constantFrom('one', 'both'),
  kind: fc.constantFrom('message', 'message', 'pair', 'contact'),
  waId: fc.nat({ max: 2 }),
  at: fc.nat({ max: 3 }),
})
type News = typeof news extends fc.Arbitrary<infer T> ? T : never

function batchOf(item: News): InboundBatch {
  const [jid, alt] =
    item.address === 'number' ? [number(item.person), lid(item.person)] : [lid(item.person), number(item.person)]
  if (item.kind === 'pair') return { ...emptyBatch(), people: [{ jid, alt }] }
  if (item.kind === 'contact')
    return {
      ...emptyBatch(),
      people: [{ jid, name: `name ${item.person}`, ...(item.names === 'both' ? { alt } : {}) }],
    }
  return {
    ...emptyBatch(),
    messages: [
      {
        chat: jid,
        ...(item.names === 'both' ? { chatAlt: alt } : {}),
        waId: `${item.person}-${item.waId}`,
        fromMe: false,
        at: 1_790_000_000 + item.at,
        type: 'text',
        text: `text ${item.waId}`,
        status: 'received',
        live: true,
      },
    ],
  }
}

test('one person is one conversation in the end, in whatever order the addresses and messages came', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(
      fc.array(news, { minLength: 1, maxLength: 16 }),
      fc.shuffledSubarray([0, 1, 2], { minLength: people, maxLength: people }),
      fc.boolean(),
      async (items, order, together) => {
        const session = await createLinkedSession(stack, database)
        const projection = createProjection(database, session.lease)
        const pairs = order.map((person): InboundBatch => ({
          ...emptyBatch(),
          people: [{ jid: lid(person), alt: number(person) }],
        }))
        const seen = new Map<string, number>()
        for (const batch of together ? [merge(items.map(batchOf)), ...pairs] : [...items.map(batchOf), ...pairs]) {
          await projection.project(batch)
          for (const row of await conversationsOf(session)) seen.set(row.id, personOf(row.external_id))
        }
        await expectOnePersonEach(session, items, seen)
      },
    ),
    { numRuns: 60 },
  )
})

async function expectOnePersonEach(session: LinkedSession, items: News[], seen: Map<string, number>): Promise<void> {
  const conversations = await conversationsOf(session)
  const byPerson = new Map(conversations.map((row) => [personOf(row.external_id), row]))
  const spoken = new Set(items.filter(({ kind }) => kind === 'message').map(({ person }) => person))
  expect(conversations.length).toBe(spoken.size)
  expect(new Set(byPerson.keys())).toEqual(spoken)

  for (const [person, conversation] of byPerson) {
    expect(conversation.external_id).toBe(number(person))
    const sent = new Set(
      items.filter((item) => item.kind === 'message' && item.person === person).map(({ waId }) => `${person}-${waId}`),
    )
    const messages = await database.query<{ id: string; wa_id: string }>(
      'select id, wa_id from public.messages_new where conversation_id = $1 order by created_at, ordinal',
      [conversation.id],
    )
    expect(messages.map(({ wa_id }) => wa_id).toSorted()).toEqual([...sent].toSorted())
    const isNamed = items.some((item) => item.kind === 'contact' && item.person === person)
    expect(conversation).toMatchObject({
      unread_count: sent.size,
      last_message_id: messages.at(-1)?.id,
      contact_name: isNamed ? `name ${person}` : formatPhone(phoneOf(number(person)) ?? ''),
    })
    // Every address that the person ever had leads to it, and every id that its conversation ever had.
    const references = [
      number(person),
      lid(person),
      ...[...seen].filter(([, whose]) => whose === person).map(([id]) => id),
    ]
    expect(
      await readAll(
        stack,
        'select distinct private.find_conversation($1, reference) as id from unnest($2::text[]) reference',
        [session.userId, references],
      ),
    ).toEqual([{ id: conversation.id }])
  }
  const contacts = await database.query(
    `select c.id, array_agg(i.jid order by i.jid) as jids from public.contacts c
       join public.contact_identities i on i.contact_id = c.id where c.session_id = $1 group by c.id order by 2`,
    [session.sessionId],
  )
  expect(contacts.map((row) => row['jids'])).toEqual(
    [0, 1, 2].map((person) => [number(person), lid(person)].toSorted()),
  )
}

interface Conversation {
  id: string
  external_id: string
  contact_name: string | null
  unread_count: number
  last_message_id: string | null
}

function conversationsOf(session: LinkedSession): Promise<Conversation[]> {
  return database.query<Conversation>(
    'select id, external_id, contact_name, unread_count, last_message_id from public.conversations_new where session_id = $1',
    [session.sessionId],
  )
}

/** Numbers and LIDs end in the person's digit. */
function personOf(jid: string): number {
  return Number(/(\d)@/.exec(jid)?.[1])
}

function merge(batches: InboundBatch[]): InboundBatch {
  return {
    ...emptyBatch(),
    people: batches.flatMap((batch) => batch.people),
    messages: batches.flatMap((batch) => batch.messages),
  }
}
