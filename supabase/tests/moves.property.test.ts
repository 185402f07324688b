import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createProjection, type Projection } from '../../session-host/store/projection.ts'
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

const group = '120363000000000001@g.us'
const numberJid = (n: number): string => `3460000000${n}@s.whatsapp.net`

/** Something that WhatsApp tells, about the person or number that the picks come down to. */
const news = fc.record({
  kind: fc.constantFrom('message', 'message', 'own', 'history', 'group', 'contact', 'pair', 'change', 'recycle'),
  person: fc.nat({ max: 20 }),
  by: fc.constantFrom('number', 'lid'),
  tells: fc.constantFrom('one', 'both'),
  waId: fc.nat({ max: 3 }),
  number: fc.nat({ max: 20 }),
  newLid: fc.boolean(),
})
type News = typeof news extends fc.Arbitrary<infer T> ? T : never

/** Who people are, in truth, and what of it WhatsApp has said. */
interface Account {
  id: number
  lids: string[]
  number: number
  sent: Set<string>
  spoke: boolean
}

/** A world of accounts that take numbers, give them up, and write; `tell` hands what WhatsApp would say of it to the store. */
function createAccounts(tell: (batch: Partial<InboundBatch>) => Promise<void>, chunkId: string) {
  const accounts: Account[] = []
  // Who had a number last: it answers for them until somebody else has it.
  const holders = new Map<number, Account>()
  let lids = 0
  let notices = 0
  for (let number = 0; number < 3; number += 1) add(number)

  function add(number: number): Account {
    const account: Account = { id: accounts.length, lids: [nextLid()], number, sent: new Set(), spoke: false }
    accounts.push(account)
    holders.set(number, account)
    return account
  }
  function nextLid(): string {
    lids += 1
    return `9000000000000${String(lids).padStart(2, '0')}@lid`
  }
  const lidOf = (account: Account): string => account.lids.at(-1) ?? ''
  const pairOf = (account: Account) => ({ jid: lidOf(account), alt: numberJid(account.number) })
  function namesOf(account: Account, { by, tells }: Pick<News, 'by' | 'tells'>): { jid: string; alt?: string } {
    // Who has no number of their own any more is known by LID.
    const hasNumber = holders.get(account.number) === account
    const [number, lid] = [numberJid(account.number), lidOf(account)]
    const [jid, alt] = by === 'number' && hasNumber ? [number, lid] : [lid, number]
    return { jid, ...(tells === 'both' && hasNumber ? { alt } : {}) }
  }
  function messageOf(account: Account, item: News, fromMe: boolean): InboundMessage {
    const { jid, alt } = namesOf(account, item)
    const waId = `${account.id}-${item.waId}`
    account.sent.add(`${fromMe}:${waId}`)
    account.spoke = true
    return {
      chat: jid,
      ...(alt ? { chatAlt: alt } : {}),
      waId,
      fromMe,
      at: 1_790_000_000 + item.waId,
      type: 'text',
      text: `text ${waId}`,
      status: fromMe ? 'sent' : 'received',
      live: item.kind !== 'history',
    }
  }

  async function happen(item: News): Promise<void> {
    const account = accounts[item.person % accounts.length]
    if (!account) return
    switch (item.kind) {
      case 'message':
        return tell({ messages: [messageOf(account, item, false)] })
      case 'own':
        return tell({ messages: [messageOf(account, item, true)] })
      case 'history': {
        const pairs = accounts
          .filter((each) => holders.get(each.number) === each)
          .map((each) => ({ pn: numberJid(each.number), lid: lidOf(each) }))
        const history = { chunkId, syncType: 'recent', position: 1, isLast: false, pairs: item.newLid ? pairs : [] }
        const message = messageOf(account, item, item.number % 2 === 0)
        return tell({ messages: [message], chats: [{ jid: message.chat }], history })
      }
      case 'group': {
        const { jid, alt } = namesOf(account, item)
        return tell({
          people: alt ? [{ jid, alt }] : [],
          messages: [
            {
              chat: group,
              waId: `group-${account.id}-${item.waId}`,
              fromMe: false,
              sender: jid,
              at: 1_790_000_000,
              type: 'text',
              text: 'to all',
              status: 'received',
              pushName: `push ${account.id}`,
              live: true,
            },
          ],
        })
      }
      case 'contact':
        return tell({ people: [{ ...namesOf(account, item), name: `name ${account.id}` }] })
      case 'pair':
        return holders.get(account.number) === account ? tell({ people: [pairOf(account)] }) : undefined
      case 'change':
        return change(account, item)
      case 'recycle':
        return recycle(account, item)
      default:
        return item.kind satisfies never
    }
  }

  /** A person takes a number that nobody has now, perhaps another LID, and WhatsApp says so. */
  async function change(account: Account, item: News): Promise<void> {
    const number = item.number % 6
    const isFree = accounts.every((each) => each.number !== number || holders.get(number) !== each)
    if (holders.get(account.number) !== account || !isFree) return
    const before = { number: numberJid(account.number), lid: lidOf(account) }
    if (item.newLid) account.lids.push(nextLid())
    account.number = number
    holders.set(number, account)
    notices += 1
    await tell({
      numberChanges: [
        { before, after: { number: numberJid(number), lid: lidOf(account) }, at: 1_790_000_010, id: `${notices}` },
      ],
    })
  }

  /** A number goes to somebody new, who writes. WhatsApp has told before whose it was; it says nothing of the move itself. */
  async function recycle(account: Account, item: News): Promise<void> {
    if (holders.get(account.number) !== account || accounts.length >= 6) return
    await tell({ people: [pairOf(account)] })
    const next = add(account.number)
    account.number = -1
    await tell({ messages: [messageOf(next, { ...item, kind: 'message', tells: 'both' }, false)] })
  }

  return {
    accounts,
    holders,
    happen,
    /** Says at last who has which number. */
    tellAll: async (order: number[]) => {
      for (const at of order) {
        const account = accounts[at % accounts.length]
        if (account && holders.get(account.number) === account) await tell({ people: [pairOf(account)] })
      }
      for (const account of accounts)
        if (holders.get(account.number) === account) await tell({ people: [pairOf(account)] })
    },
    /** Whose conversation an address leads to now. */
    holderOf: (jid: string): Account | undefined =>
      accounts.find((account) => account.lids.includes(jid)) ??
      [...holders].find(([number]) => numberJid(number) === jid)?.[1],
  }
}

/** Somebody who takes a number with a new LID and goes back to the first: the second notice finds two LIDs with the contact. */
const takenTwice: News[] = [
  { kind: 'change', person: 2, by: 'number', tells: 'one', waId: 0, number: 3, newLid: true },
  { kind: 'change', person: 2, by: 'number', tells: 'one', waId: 0, number: 2, newLid: false },
  { kind: 'message', person: 0, by: 'number', tells: 'one', waId: 0, number: 0, newLid: false },
]

test('numbers that move, change and are handed on, in history, groups and from the own phone: one person is one conversation', async () => {
  expect.hasAssertions()
  await fc.assert(
    fc.asyncProperty(
      fc.array(news, { minLength: 1, maxLength: 18 }),
      fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
      async (items, order) => {
        const session = await createLinkedSession(stack, database)
        const projection: Projection = createProjection(database, session.lease)
        const chunkId = await addChunk(session)
        const seen = new Map<string, number>()
        const told = new Set<string>()
        const world = createAccounts(async (batch) => {
          for (const jid of jidsIn(batch)) told.add(jid)
          await projection.project({ ...emptyBatch(), ...batch })
        }, chunkId)
        for (const item of items) {
          await world.happen(item)
          for (const row of await conversationsOf(session)) {
            const whose = world.holderOf(row.external_id)
            if (whose) seen.set(row.id, whose.id)
          }
        }
        await world.tellAll(order)
        await expectOneEach(session, world, seen, told)
      },
    ),
    { numRuns: 25, examples: [[takenTwice, []]] },
  )
}, 180_000)

async function expectOneEach(
  session: LinkedSession,
  { accounts, holders, holderOf }: ReturnType<typeof createAccounts>,
  seen: Map<string, number>,
  told: Set<string>,
): Promise<void> {
  const conversations = await conversationsOf(session)
  const spoken = accounts.filter((account) => account.spoke)
  expect(conversations.map((row) => holderOf(row.external_id)?.id ?? -1).toSorted((a, b) => a - b)).toEqual(
    spoken.map(({ id }) => id),
  )
  for (const account of spoken) {
    const conversation = conversations.find((row) => holderOf(row.external_id) === account)
    const hasNumber = holders.get(account.number) === account
    expect(conversation?.external_id).toBe(hasNumber ? numberJid(account.number) : conversation?.external_id)
    const messages = await database.query<{ key: string }>(
      `select from_me || ':' || wa_id as key from public.messages_new
         where conversation_id = $1 and message_type <> 'notice'`,
      [conversation?.id],
    )
    expect(messages.map(({ key }) => key).toSorted()).toEqual([...account.sent].toSorted())
    // Every address that WhatsApp ever gave the person, and every id that their conversation ever had.
    const references = [
      ...[...told].filter((jid) => holderOf(jid) === account),
      ...[...seen].filter(([, whose]) => whose === account.id).map(([id]) => id),
    ]
    const found = await readAll(
      stack,
      `select reference from unnest($2::text[]) reference
         where private.find_conversation($1, reference) is distinct from $3`,
      [session.userId, references, conversation?.id],
    )
    expect(found).toEqual([])
  }
}

/** The JIDs of persons that a batch names. */
function jidsIn({ people = [], messages = [], numberChanges = [] }: Partial<InboundBatch>): string[] {
  return [
    ...people.flatMap(({ jid, alt }) => [jid, alt]),
    ...messages.flatMap(({ chat, chatAlt, sender }) => [chat, chatAlt, sender]),
    ...numberChanges.flatMap(({ before, after }) => [before.number, before.lid, after.number, after.lid]),
  ].filter((jid): jid is string => jid !== undefined && jid !== group)
}

interface Conversation {
  id: string
  external_id: string
}

function conversationsOf(session: LinkedSession): Promise<Conversation[]> {
  return database.query<Conversation>(
    `select id, external_id from public.conversations_new where session_id = $1 and kind = 'contact'`,
    [session.sessionId],
  )
}

async function addChunk(session: LinkedSession): Promise<string> {
  const [row] = await database.query<{ id: string }>(
    `insert into private.history_chunks (session_id, user_id, stanza_key, wa_id, sync_type, notice)
       values ($1, $2, $3, 'chunk', 'recent', $4) returning id`,
    [session.sessionId, session.userId, '0'.repeat(64), Buffer.from('notice')],
  )
  return row?.id ?? ''
}
