import { createCipheriv, createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyBatch, type InboundBatch, type InboundChange, type InboundMessage } from '#shared/inbound.ts'
import type { Database } from '../../session-host/store/database.ts'
import { createGroupCommit } from '../../session-host/store/group-commit.ts'
import { createProtoBox } from '../../session-host/store/message-protos.ts'
import { createSealedBox } from '../../session-host/store/sealed-box.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { createLinkedSession, hostDatabase } from './linked-session.fixture.ts'

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

const chat = '34600000002@s.whatsapp.net'
const group = '120363000000000001@g.us'
const [bea, eva] = [chat, '34600000003@s.whatsapp.net']
const at = 1_790_000_000
const secret = Buffer.alloc(32, 7)

const message = (waId: string, more: Partial<InboundMessage> = {}): InboundMessage => ({
  chat,
  waId,
  fromMe: false,
  at,
  live: true,
  status: 'received',
  type: 'text',
  text: waId,
  ...more,
})
/** messageContextInfo (35) with messageSecret (3). */
const pollProto = Buffer.concat([Buffer.from([0x9a, 0x02, 34, 0x1a, 32]), secret])
const about = (waId: string, seconds: number) => ({ chat, waId, fromMe: false, at: at + seconds })
const reaction = (waId: string, from: string, seconds: number, emoji: string | null): InboundChange => ({
  ...about(waId, seconds),
  kind: 'reaction',
  from,
  emoji,
  atMs: (at + seconds) * 1e3,
})
function vote(voter: string, seconds: number, option: string): InboundChange {
  const first = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const name = Buffer.concat([Buffer.from(`poll${bea}${voter}Poll Vote`), Buffer.from([1])])
  const iv = Buffer.alloc(12, seconds)
  const cipher = createCipheriv('aes-256-gcm', createHmac('sha256', first).update(name).digest(), iv)
  cipher.setAAD(Buffer.from(`poll\0${voter}`))
  const plain = Buffer.concat([Buffer.from([0x0a, 32]), createHash('sha256').update(option).digest()])
  const payload = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  const ends = { from: voter, atMs: (at + seconds) * 1000, creators: [bea], voters: [voter] }
  return { ...about('poll', seconds), kind: 'vote', payload, iv, ...ends }
}

const content = { poll: { name: '¿Cuándo?', options: ['hoy', 'mañana'], selectable: 1 } }
const messages = [
  message('plain'),
  message('gone'),
  message('poll', { type: 'poll', text: null, content, proto: pollProto }),
  message('grouped', { chat: group, sender: bea }),
]
const changes: InboundChange[] = [
  { ...about('plain', 10), kind: 'edit', text: 'uno' },
  { ...about('plain', 20), kind: 'edit', text: 'dos' },
  reaction('plain', bea, 11, '👍'),
  reaction('plain', bea, 12, null),
  reaction('plain', 'me', 13, '🎉'),
  { ...about('gone', 10), kind: 'edit', text: 'adiós' },
  reaction('gone', 'me', 11, '👍'),
  { ...about('gone', 12), kind: 'revoke' },
  vote(bea, 10, 'hoy'),
  vote(bea, 20, 'mañana'),
  // Neither a vote that nobody's key opens, nor an edit by who did not write it, nor one from another chat changes anything.
  { ...vote(eva, 30, 'hoy'), voters: [bea] } as InboundChange,
  { ...about('grouped', 10), chat: group, sender: eva, kind: 'edit', text: 'falso' },
  { ...about('plain', 90), chat: eva, kind: 'edit', text: 'falso' },
]
const protos = createProtoBox(createSealedBox([{ id: 'k', key: Buffer.alloc(32, 7) }]))
type Fact = { message: InboundMessage } | { change: InboundChange }
const facts: Fact[] = [...messages.map((each) => ({ message: each })), ...changes.map((each) => ({ change: each }))]

async function after(order: Fact[], sizes: number[]): Promise<unknown[]> {
  const session = await createLinkedSession(stack, database)
  const projection = createGroupCommit(database, { holder: session.lease.holder, protos }).forLease(session.lease)
  const open = emptyBatch()
  open.chats.push({ jid: chat }, { jid: eva }, { jid: group, name: 'Vecinos' })
  await projection.project(open)
  for (let from = 0, n = 0; from < order.length; n += 1) {
    const batch: InboundBatch = emptyBatch()
    const size = sizes[n % sizes.length] ?? 1
    for (const fact of order.slice(from, from + size))
      if ('message' in fact) batch.messages.push(fact.message)
      else batch.changes.push(fact.change)
    await projection.project(batch)
    from += size
  }
  const waiting = await database.query(`select 1 from private.early_changes where session_id = $1 and chat_jid <> $2`, [
    session.sessionId,
    eva,
  ])
  expect(waiting).toEqual([])
  const columns = 'wa_id, text_content, content, interactions, edited_at, revoked_at'
  return database.query(`select ${columns} from public.messages_new where session_id = $1 order by wa_id`, [
    session.sessionId,
  ])
}

test('messages and what is done to them end alike in whatever order they come, also the change before its message', async () => {
  const wanted = await after(facts, [1])
  expect(wanted).toMatchObject([
    { wa_id: 'gone', text_content: null, content: {}, interactions: [] },
    { wa_id: 'grouped', text_content: 'grouped', edited_at: null },
    { wa_id: 'plain', text_content: 'dos', interactions: [{ emoji: null }, { emoji: '🎉' }] },
    { wa_id: 'poll', interactions: [{ type: 'poll_vote', from: bea, options: ['mañana'] }] },
  ])
  const everyOrder = fc.shuffledSubarray(facts, { minLength: facts.length, maxLength: facts.length })
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(everyOrder, sizes, async (order, each) => {
      expect(await after(order, each)).toEqual(wanted)
    }),
    { numRuns: 15, endOnFailure: true },
  )
})
