import { emptyBatch } from '#shared/inbound.ts'
import { createClaimer } from '../store/claimer.ts'
import { createCommandStore, type CommandStore } from '../store/commands.ts'
import type { Database } from '../store/database.ts'
import type { Lease } from '../store/fenced.ts'
import { createProjection } from '../store/projection.ts'
import { createStatuses } from '../store/statuses.ts'
import { connectAs, createBenchPool, createBenchStack, createLinkedSessions, type BenchStack } from './bench-stack.ts'
import {
  atLeast,
  atMost,
  distributionOf,
  rounded,
  type Benchmark,
  type BenchmarkOptions,
  type BenchmarkOutcome,
  type Distribution,
} from './benchmark.ts'

/** Users who submit at once, how many messages each, and the chats that they write to. */
const users = 4
const submitsEach = 750
const chats = 50
/** Commands that a host claims at once. */
const claimSize = 50
const poolSize = 10

export const commands: Benchmark = {
  name: 'commands',
  summary: 'submit_message as a signed-in user, and the host claiming and completing what was submitted',
  run,
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  await using bench = await createBenchStack()
  await using database = createBenchPool(bench.stack, poolSize)
  const leases = await createLinkedSessions(bench.loader, users)
  for (const lease of leases)
    await createProjection(database, lease).project({
      ...emptyBatch(),
      chats: Array.from({ length: chats }, (_, chat) => ({ jid: chatJid(chat) })),
    })
  // As autovacuum does to tables that are in use: what is planned for an empty table stays so otherwise.
  const analyze = (): Promise<unknown> => bench.loader.query('analyze')
  const each = Math.max(50, Math.round(submitsEach * scale))
  log(`${users} users submit ${each} messages each, at once`)
  await measureSubmits(bench, leases, Math.ceil(each / 5), 'warm-up')
  await analyze()
  const submits = await measureSubmits(bench, leases, each, 'submit')
  await analyze()
  log('the host claims and completes them')
  const completed = await measureCompletions(database, leases)
  return {
    workload: {
      users,
      submitsEach: each,
      chatsEach: chats,
      claimSize,
      connections: poolSize,
      settings: bench.settings,
    },
    results: { submitMs: submits, completedPerSecond: completed.perSecond, completed: completed.count },
    baseline: null,
    goals: [
      atMost('submit: p99 in ms ≤ 20', submits.p99, 20),
      atLeast('claim and complete: commands a second ≥ 1,000', completed.perSecond, 1_000),
    ],
  }
}

function chatJid(chat: number): string {
  return `34600${String(chat).padStart(6, '0')}@s.whatsapp.net`
}

/** ms from the statement's departure to its answer, over loopback, with the commit. */
async function measureSubmits(
  { stack }: BenchStack,
  leases: Lease[],
  each: number,
  name: string,
): Promise<Distribution> {
  const samples: number[] = []
  await Promise.all(
    leases.map(async ({ userId }) => {
      await using user = await connectAs(stack, userId)
      for (let n = 0; n < each; n += 1) {
        const startedAt = performance.now()
        await user.client.query('select public.submit_message($1, $2, $3)', [
          chatJid(n % chats),
          `Mensaje ${n}: nos vemos mañana a las ocho en la estación`,
          `${name} ${n}`,
        ])
        samples.push(performance.now() - startedAt)
      }
    }),
  )
  return distributionOf(samples)
}

/** Every session claims heads of its lanes and completes them as WhatsApp's acknowledgements do, until nothing is left. */
async function measureCompletions(database: Database, leases: Lease[]): Promise<{ perSecond: number; count: number }> {
  const [first] = leases
  if (!first) throw new Error('a session is missing')
  const { holder } = first
  const claimer = createClaimer(database, { holder })
  const statuses = createStatuses(database, { holder })
  const startedAt = performance.now()
  const counts = await Promise.all(
    leases.map((lease) =>
      completeAll(createCommandStore(database, lease, undefined, claimer), (waId) =>
        statuses.raise(lease, [{ chat: null, waId, status: 'sent' }]),
      ),
    ),
  )
  const count = counts.reduce((sum, each) => sum + each, 0)
  return { count, perSecond: rounded((count * 1_000) / (performance.now() - startedAt)) }
}

async function completeAll(store: CommandStore, acknowledge: (waId: string) => Promise<unknown>): Promise<number> {
  let count = 0
  for (;;) {
    const { commands: claimed } = await store.claim(claimSize)
    if (claimed.length === 0) return count
    await Promise.all(
      claimed.map((command) => (command.message ? acknowledge(command.message.wa_id) : store.finish(command, {}))),
    )
    count += claimed.length
  }
}
