import { createHash } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import { setTimeout as pause } from 'node:timers/promises'
import { silenceLibsignal } from '../host.ts'
import { cpuOfDatabase } from './bench-gateway.ts'
import { createBenchHost, type BenchHost, type LinkedMember } from './bench-host.ts'
import { createBenchStack, type BenchStack } from './bench-stack.ts'
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

const messages = 100_000
const conversations = 500
const chunk = 5_000
/** Sessions that receive beside the import, and how often one of them does, in ms. */
const others = 4
const everyMs = 100
/** How long they are measured without an import, in ms. */
const quietMs = 10_000

export const history: Benchmark = {
  name: 'history',
  summary:
    'a phone with 100,000 messages is linked while other sessions receive: import end to end, and what they notice',
  run,
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  silenceLibsignal()
  await using bench = await createBenchStack()
  await using gateway = await createBenchHost(bench)
  log(`linking ${others} sessions that receive meanwhile`)
  const receivers: LinkedMember[] = []
  for (let n = 0; n < others; n += 1) receivers.push(await gateway.link(`3460000010${n}`, {}))
  await gateway.control.post('/phones', { number: '34600000200', name: 'Otra', contacts: [], history: [] })
  await bench.loader.query('analyze')
  log('without an import')
  const before = await measure(gateway, receivers, () => pause(Math.max(2_000, quietMs * scale)))

  const plan = {
    conversations: scaled(conversations, scale),
    messages: scaled(messages, scale),
    chunk: scaled(chunk, scale),
  }
  log(`linking a phone with ${plan.messages} messages in ${plan.conversations} conversations`)
  const number = '34600000300'
  const cpu = { host: process.cpuUsage(), database: cpuOfDatabase(bench.stack.folder) }
  const during = await measure(gateway, receivers, async () => {
    const { sessionId } = await gateway.link(number, { generate: { ...plan, delivery: 'external', seed: 'bench' } })
    await imported(bench, sessionId, plan.messages)
  })
  const used = process.cpuUsage(cpu.host)
  const cpuSeconds = {
    host: rounded((used.user + used.system) / 1e6),
    database: rounded((cpuOfDatabase(bench.stack.folder) - cpu.database) / 1_000),
  }
  const { seconds, chunks } = await timesOf(bench)
  const expected = await gateway.control.get<{ sha256: string }>(`/phones/${number}/generated`)
  const isWhole = (await digestOf(bench)) === expected.sha256
  const rate = plan.messages / seconds
  return {
    workload: { ...plan, chunks, delivery: 'external', others, oneMessageEveryMs: everyMs, settings: bench.settings },
    results: {
      seconds: rounded(seconds),
      rowsPerSecond: rounded(rate),
      // The messages of the other sessions included.
      cpuSeconds,
      extraMemoryMb: during.memoryMb,
      eventLoopDelayMs: during.loop,
      inboundOfOthersMs: during.inbound,
      isWhole,
    },
    baseline: { inboundOfOthersMs: before.inbound, eventLoopDelayMs: before.loop },
    goals: [
      atLeast('import: rows a second ≥ 5,000', rate, 5_000),
      atMost('extra memory in MB ≤ 150', during.memoryMb, 150),
      atMost('event-loop delay: p99 in ms ≤ 50', during.loop.p99, 50),
      atMost('event-loop delay: max in ms ≤ 200', during.loop.max, 200),
      atMost('inbound of other sessions: p99 in ms ≤ 100', during.inbound.p99, 100),
      atLeast('every message is there, once and unchanged', Number(isWhole), 1),
    ],
  }
}

function scaled(count: number, scale: number): number {
  return Math.max(1, Math.round(count * scale))
}

interface Measured {
  /** Peak of resident memory over what it was before. */
  memoryMb: number
  loop: { p99: number; max: number }
  /** ms from the contact's message to the client's event. */
  inbound: Distribution
}

/** What the host and its other sessions feel while something is done. */
async function measure(gateway: BenchHost, receivers: LinkedMember[], work: () => Promise<void>): Promise<Measured> {
  const idle = process.memoryUsage().rss
  let peak = idle
  const memory = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss)
  }, 50)
  const loop = monitorEventLoopDelay({ resolution: 5 })
  const samples: number[] = []
  const stop = new AbortController()
  loop.enable()
  const receiving = receive(gateway, receivers, samples, stop.signal)
  await work()
  loop.disable()
  stop.abort()
  await receiving
  clearInterval(memory)
  // The histogram counts what the timer itself waits.
  const ms = (nanoseconds: number): number => rounded(Math.max(0, nanoseconds / 1e6 - 5))
  return {
    memoryMb: rounded((peak - idle) / 2 ** 20),
    loop: { p99: ms(loop.percentile(99)), max: ms(loop.max) },
    inbound: distributionOf(samples),
  }
}

async function receive(
  { control }: BenchHost,
  receivers: LinkedMember[],
  samples: number[],
  signal: AbortSignal,
): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    const receiver = receivers[n % receivers.length]
    if (!receiver) return
    const text = `otra ${performance.now()}`
    const startedAt = performance.now()
    const shown = receiver.client.next<{ type: string; message?: { text_content?: string | null } }>(
      'event',
      (event) => event.type === 'message.created' && event.message?.text_content === text,
    )
    await control.post('/phones/34600000200/say', { to: receiver.number, text })
    await shown
    samples.push(performance.now() - startedAt)
    await pause(Math.max(0, everyMs - (performance.now() - startedAt)))
  }
}

async function imported({ loader }: BenchStack, sessionId: string, count: number): Promise<void> {
  for (;;) {
    const { rows } = await loader.query<{ sync_status: string; sync_messages: number }>(
      'select sync_status, sync_messages from public.whatsapp_sessions where id = $1',
      [sessionId],
    )
    const [row] = rows
    if (row?.sync_status === 'incomplete') throw new Error('a chunk failed')
    if (row?.sync_status === 'complete' && row.sync_messages >= count) return
    await pause(50)
  }
}

/** From the first chunk's announcement to the last row's commit. */
async function timesOf({ loader }: BenchStack): Promise<{ seconds: number; chunks: number }> {
  const { rows } = await loader.query<{ seconds: number; chunks: number }>(
    `select extract(epoch from max(finished_at) - min(received_at))::float8 as seconds, count(*)::integer as chunks
       from private.history_chunks
       where session_id = (select session_id from private.history_chunks group by 1 order by sum(messages) desc limit 1)`,
  )
  const [row] = rows
  if (!row) throw new Error('no chunk came')
  return row
}

/** As the simulator makes it: SHA-256 of the sorted lines `lid id from_me at text`. */
async function digestOf({ loader }: BenchStack): Promise<string> {
  const { rows } = await loader.query<{ line: string }>(
    `select split_part(i.jid, '@', 1) || ' ' || m.wa_id || ' ' || case when m.from_me then 1 else 0 end || ' '
         || extract(epoch from m.created_at)::bigint || ' ' || m.text_content || E'\\n' as line
       from public.messages_new m
       join public.conversations_new c on c.id = m.conversation_id
       join public.contact_identities i on i.contact_id = c.contact_id and i.kind = 'lid'
       where m.session_id = (select session_id from private.history_chunks group by 1 order by sum(messages) desc limit 1)`,
  )
  const hash = createHash('sha256')
  // oxlint-disable-next-line require-array-sort-compare -- code units are the order that the simulator sorts by
  for (const line of rows.map((row) => row.line).toSorted()) hash.update(line)
  return hash.digest('hex')
}
