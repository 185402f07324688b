import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import type { Database } from '../store/database.ts'
import type { Lease } from '../store/fenced.ts'
import { createGroupCommit } from '../store/group-commit.ts'
import { createProjection, type Projection } from '../store/projection.ts'
import { createBenchPool, createBenchStack, createLinkedSessions } from './bench-stack.ts'
import {
  atLeast,
  distributionOf,
  rounded,
  type Benchmark,
  type BenchmarkOptions,
  type BenchmarkOutcome,
  type Distribution,
} from './benchmark.ts'

/** Rows a batch, chats that they go to, and how many batches. */
const batchSize = 500
const chats = 50
const batches = 40

export const ingest: Benchmark = {
  name: 'ingest',
  summary:
    'inbound messages through the store: batches of 500 against a bare insert, single messages with and without group commit',
  run,
}

/** Sessions that receive at once, one message after another each, and how many messages each; connections that they share. */
const receivers = 50
const messagesEach = 60
const poolSize = 10

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  await using bench = await createBenchStack()
  await using database = createBenchPool(bench.stack, poolSize)
  const analyze = (): Promise<unknown> => bench.loader.query('analyze')
  const rounds = Math.max(4, Math.round(batches * scale))
  const each = Math.max(10, Math.round(messagesEach * scale))
  log(`${rounds} batches of ${batchSize} messages through the projection, and as many bare`)
  const batched = await measureBatches(database, await createLinkedSessions(bench.loader, 2), rounds, analyze)
  log(`${receivers} sessions, ${each} single messages each, a commit a message and grouped`)
  const singles = await measureSingles(database, await createLinkedSessions(bench.loader, receivers), each, analyze)
  return {
    workload: {
      batches: { count: rounds, messages: batchSize, chats },
      singles: { sessions: receivers, messagesEach: each, connections: poolSize },
      settings: bench.settings,
    },
    results: {
      batchesPerSecond: batched.projection,
      singlesPerSecond: singles.grouped,
      singlesLatencyMs: singles.groupedLatency,
    },
    baseline: {
      bareInsertPerSecond: batched.bare,
      commitAMessagePerSecond: singles.alone,
      commitAMessageLatencyMs: singles.aloneLatency,
    },
    goals: [
      atLeast(
        'batches of 500: projection ≥ 0.5× of a bare multi-row insert into the same tables',
        batched.projection / batched.bare,
        0.5,
      ),
      atLeast(
        '50 sessions, single messages: group commit ≥ 3× of a commit a message',
        singles.grouped / singles.alone,
        3,
      ),
    ],
  }
}

/** Messages a second through the projection and through a bare insert. */
async function measureBatches(
  database: Database,
  [projected, bare]: Lease[],
  rounds: number,
  analyze: () => Promise<unknown>,
): Promise<{ projection: number; bare: number }> {
  if (!projected || !bare) throw new Error('a session is missing')
  await createProjection(database, projected).project(openChats())
  await createProjection(database, bare).project(openChats())
  const conversations = await database.query<{ id: string; external_id: string }>(
    'select id, external_id from public.conversations_new where session_id = $1 order by external_id',
    [bare.sessionId],
  )
  const writeBare = bareWriter(database, bare, conversations)
  const projection = createProjection(database, projected)
  const times = { projection: 0, bare: 0 }
  // Both warm up, and take turns from then on: what disturbs the machine disturbs both.
  for (let round = -2; round < rounds; round += 1) {
    // As autovacuum does to tables that are in use: what is planned for an empty table stays so otherwise.
    if (round === 0) await analyze()
    const batch = { ...emptyBatch(), messages: messagesOf(round, batchSize) }
    const projectionMs = await timed(() => projection.project(batch))
    const bareMs = await timed(() => writeBare(batch))
    if (round < 0) continue
    times.projection += projectionMs
    times.bare += bareMs
  }
  const rate = (ms: number): number => rounded((rounds * batchSize * 1_000) / ms)
  return { projection: rate(times.projection), bare: rate(times.bare) }
}

/** Messages a second, and how long each took, of all sessions at once: a transaction each, and grouped. */
async function measureSingles(
  database: Database,
  leases: Lease[],
  each: number,
  analyze: () => Promise<unknown>,
): Promise<{ alone: number; grouped: number; aloneLatency: Distribution; groupedLatency: Distribution }> {
  const [first] = leases
  if (!first) throw new Error('a session is missing')
  const group = createGroupCommit(database, { holder: first.holder })
  for (const lease of leases) await createProjection(database, lease).project(openChats())
  const alone = leases.map((lease) => createProjection(database, lease))
  const grouped = leases.map((lease) => group.forLease(lease))
  const samples = { alone: [] as number[], grouped: [] as number[] }
  const times = { alone: 0, grouped: 0 }
  const slices = 6
  for (let slice = -1; slice < slices; slice += 1)
    for (const way of ['alone', 'grouped'] as const) {
      if (slice === 0) await analyze()
      const projections = way === 'alone' ? alone : grouped
      const latencies: number[] = []
      const ms = await timed(() =>
        Promise.all(
          projections.map((projection) => receive(projection, `${way}${slice}`, Math.ceil(each / slices), latencies)),
        ),
      )
      if (slice < 0) continue
      times[way] += ms
      samples[way].push(...latencies)
    }
  const rate = (way: 'alone' | 'grouped'): number => rounded((samples[way].length * 1_000) / times[way])
  return {
    alone: rate('alone'),
    grouped: rate('grouped'),
    aloneLatency: distributionOf(samples.alone),
    groupedLatency: distributionOf(samples.grouped),
  }
}

async function receive(projection: Projection, name: string, count: number, latencies: number[]): Promise<void> {
  for (const [n, message] of messagesOf(0, count).entries())
    latencies.push(
      await timed(() => projection.project({ ...emptyBatch(), messages: [{ ...message, waId: `${name}X${n}` }] })),
    )
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

function chatJid(chat: number): string {
  return `34600${String(chat).padStart(6, '0')}@s.whatsapp.net`
}

function openChats(): InboundBatch {
  return { ...emptyBatch(), chats: Array.from({ length: chats }, (_, chat) => ({ jid: chatJid(chat) })) }
}

function messagesOf(round: number, count: number): InboundMessage[] {
  return Array.from({ length: count }, (_, n): InboundMessage => ({
    chat: chatJid(n % chats),
    waId: `3EB0${round}X${n}`,
    fromMe: false,
    at: 1_790_000_000 + round * 60 + Math.floor(n / 10),
    type: 'text',
    text: `Mensaje ${n} de la tanda ${round}: nos vemos mañana a las ocho en la estación, ¿te parece bien?`,
    status: 'received',
    live: true,
  }))
}

/** The same rows in the same two tables, in one transaction, and nothing else. */
function bareWriter(
  database: Database,
  lease: Lease,
  conversations: { id: string; external_id: string }[],
): (batch: InboundBatch) => Promise<void> {
  const byJid = new Map(conversations.map((row) => [row.external_id, row.id]))
  let seq = 1_000_000
  return ({ messages }) =>
    database.transaction(async (transaction) => {
      const rows = await transaction.query<{ id: string }>(
        `insert into public.messages_new (
             conversation_id, user_id, session_id, sender_type, message_type, text_content, created_at, wa_id, from_me, status)
           select n.conversation_id, $1, $2, 'user', 'text', n.text, to_timestamp(n.at), n.wa_id, false, 'received'
             from unnest($3::uuid[], $4::text[], $5::float8[], $6::text[]) as n(conversation_id, text, at, wa_id)
           returning id`,
        [
          lease.userId,
          lease.sessionId,
          messages.map((message) => byJid.get(message.chat)),
          messages.map((message) => message.text),
          messages.map((message) => message.at),
          messages.map((message) => message.waId),
        ],
      )
      await transaction.query(
        `insert into public.session_events (session_id, seq, user_id, type, data)
           select $1, $2::bigint + e.n, $3, 'message.created',
               jsonb_build_object('conversation_id', e.conversation_id, 'message_id', e.message_id, 'from_me', false)
             from unnest($4::uuid[], $5::uuid[]) with ordinality as e(conversation_id, message_id, n)`,
        [
          lease.sessionId,
          seq,
          lease.userId,
          messages.map((message) => byJid.get(message.chat)),
          rows.map((row) => row.id),
        ],
      )
      seq += messages.length
    })
}
