import { bareNumbers, startBareBaileys } from './start-bare-baileys.ts'
import {
  analyze,
  cpuOf,
  cpuOfDatabase,
  createBenchGateway,
  type BenchAccount,
  type BenchGateway,
} from './bench-gateway.ts'
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

const sessions = 100
const ratePerSecond = 100
const seconds = 30
/** Throughput: sessions, messages in all, and the share of conversations that go both ways. */
const crowd = 50
const burst = 6_000
const twoWay = 0.9
const contacts = 4
/** What has not come when nothing came for so long is lost, ms. */
const givenUpMs = 30_000

/**
 * Simulator, database, gateway and the clients that take the times share the machine: on two cores the latencies hold what they take from
 * each other, so run it with nothing else. Throughput is compared with bare Baileys in the same run, which has all but the database to
 * share with, too. Bare Baileys runs on stock node:crypto.
 */
export const inbound: Benchmark = {
  name: 'inbound',
  summary: 'frame → committed row → Socket.IO client: latency at 100 msg/s, and throughput beside bare Baileys',
  run,
}

interface LoadReport {
  id: string
  state: string
  messages: number
  confirmed: number
  began_at: number
  last_receipt_at: number
  late_ms: { p50: number; p99: number } | null
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  const count = Math.max(4, Math.round(sessions * scale))
  const many = Math.max(4, Math.round(crowd * scale))
  const messages = Math.max(200, Math.round(burst * scale))
  await using gateway = await createBenchGateway(log)
  await gateway.link(count)
  // What is planned for empty tables stays so until they are analysed, which autovacuum does to tables that are in use.
  await warmUp(gateway)
  log(`${count} sessions, ${ratePerSecond} messages a second, ${seconds} s`)
  const latency = await measureLatency(gateway, Math.round(ratePerSecond * seconds * Math.max(scale, 0.2)))
  log(`${many} sessions, ${messages} messages as fast as they go: the gateway, then bare Baileys`)
  const ours = await measureThroughput(gateway, gateway.accounts.slice(0, many), messages)
  await gateway.endHost('SIGTERM')
  await using bare = await startBareBaileys(gateway.simulator, many)
  const theirs = await measureBare(gateway, bare, many, messages)
  return {
    workload: { sessions: count, ratePerSecond, crowd: many, burst: messages, twoWay, contactsEach: contacts },
    results: {
      latencyMs: latency.all,
      sentLateMs: latency.late,
      lost: latency.lost + ours.lost,
      doubled: latency.doubled + ours.doubled,
      reordered: latency.reordered + ours.reordered,
      messagesPerSecond: ours.perSecond,
      cpuMsPerMessage: ours.cpu,
      // Everything that a message costs beside decrypting it: ratchet and plaintext made durable, stored, published.
      priceOfDurabilityMs: rounded(ours.cpu.host + ours.cpu.database - theirs.cpu),
    },
    baseline: { bareBaileysPerSecond: theirs.perSecond, bareBaileysCpuMsPerMessage: theirs.cpu },
    goals: [
      atMost('latency p50 ≤ 20 ms', latency.all.median, 20),
      atMost('latency p99 ≤ 100 ms', latency.all.p99, 100),
      atMost(
        'lost, doubled or reordered: none',
        latency.lost + latency.doubled + latency.reordered + ours.lost + ours.doubled + ours.reordered,
        0,
      ),
      atLeast('throughput ≥ 0.5× of bare Baileys', ours.perSecond / theirs.perSecond, 0.5),
    ],
  }
}

interface Outcome {
  lost: number
  doubled: number
  reordered: number
}

/**
 * The texts of one load in the order in which clients saw them, with when. Those of an earlier load that still come are none of it.
 * `until` resolves when so many different ones were seen, or when nothing has come for a while: the rest is lost then.
 */
function watchTexts(
  clients: { socket: { on(event: string, take: (data: unknown) => void): void } }[],
  load: string,
): {
  texts: string[]
  at: Map<string, number>
  until(count: number): Promise<void>
} {
  const texts: string[] = []
  const at = new Map<string, number>()
  const waiting = new Set<() => void>()
  let lastAt = performance.now()
  for (const { socket } of clients)
    socket.on('event', (data) => {
      const { type, message } = data as { type: string; message?: { text_content: string | null } }
      const text = message?.text_content
      if (type !== 'message.created' || !text?.startsWith(`${load}/`) || text.endsWith('/0')) return
      texts.push(text)
      lastAt = performance.now()
      if (!at.has(text)) at.set(text, performance.timeOrigin + lastAt)
      for (const check of waiting) check()
    })
  return {
    texts,
    at,
    until: (count) =>
      new Promise((resolve) => {
        lastAt = performance.now()
        const patience = setInterval(check, 1_000)
        function check(): void {
          if (at.size < count && performance.now() - lastAt < givenUpMs) return
          clearInterval(patience)
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      }),
  }
}

async function warmUp(gateway: BenchGateway): Promise<void> {
  const messages = gateway.accounts.length * contacts * 2
  const load = await prepareLoad(gateway, gateway.accounts, { messages, rate: 50, prepare: true })
  await gateway.simulator.control.post(`/load/${load}/start`)
  // What opened the conversations is no part of the load; what of it is still on its way would be in the way of what is measured.
  await gateway.watch.until<{ count: number }>(
    `select count(*)::int from public.messages_new where text_content like $1 and text_content not like '%/0'`,
    [`${load}/%`],
    ([row]) => (row?.count ?? 0) >= messages,
  )
  await analyze(gateway)
}

async function measureLatency(
  gateway: BenchGateway,
  messages: number,
): Promise<Outcome & { all: Distribution; late: LoadReport['late_ms'] }> {
  await using clients = new AsyncDisposableStack()
  const joined = await Promise.all(gateway.accounts.map((account) => gateway.join(account)))
  for (const client of joined) clients.use(client)
  const load = await prepareLoad(gateway, gateway.accounts, { messages, rate: ratePerSecond, prepare: true })
  const seen = watchTexts(joined, load)
  await gateway.simulator.control.post(`/load/${load}/start`)
  await seen.until(messages)
  const report = await gateway.simulator.control.get<
    LoadReport & { list: { text: string; scheduled_at: number; sequence: number }[] }
  >(`/load/${load}?messages`)
  const latencies = report.list.flatMap(({ text, scheduled_at: scheduled, sequence }) => {
    const at = seen.at.get(text)
    return sequence > 0 && at !== undefined ? [at - scheduled] : []
  })
  const outcome = await gateway.simulator.control.post<Outcome>(`/load/${load}/outcome`, { texts: seen.texts })
  return { ...withoutOpeners(outcome, report.list), all: distributionOf(latencies), late: report.late_ms }
}

async function measureThroughput(
  gateway: BenchGateway,
  accounts: BenchAccount[],
  messages: number,
): Promise<Outcome & { perSecond: number; cpu: { host: number; database: number } }> {
  await using clients = new AsyncDisposableStack()
  const joined = await Promise.all(accounts.map((account) => gateway.join(account)))
  for (const client of joined) clients.use(client)
  const load = await prepareLoad(gateway, accounts, { messages, rate: 100_000, prepare: true })
  const seen = watchTexts(joined, load)
  const host = cpuOf(gateway.host().pid)
  const database = cpuOfDatabase(gateway.stack.folder)
  await gateway.simulator.control.post(`/load/${load}/start`)
  await seen.until(messages)
  const endedAt = Math.max(...seen.at.values())
  const cpu = {
    host: rounded((cpuOf(gateway.host().pid) - host) / messages),
    database: rounded((cpuOfDatabase(gateway.stack.folder) - database) / messages),
  }
  const report = await gateway.simulator.control.get<LoadReport & { list: { sequence: number }[] }>(
    `/load/${load}?messages`,
  )
  const outcome = await gateway.simulator.control.post<Outcome>(`/load/${load}/outcome`, { texts: seen.texts })
  return {
    ...withoutOpeners(outcome, report.list),
    perSecond: rounded((messages * 1_000) / (endedAt - report.began_at)),
    cpu,
  }
}

async function measureBare(
  gateway: BenchGateway,
  bare: Awaited<ReturnType<typeof startBareBaileys>>,
  count: number,
  messages: number,
): Promise<{ perSecond: number; cpu: number }> {
  const load = await prepareLoad(
    gateway,
    bareNumbers(count).map((number) => ({ number })),
    { messages, rate: 100_000, prepare: true },
  )
  const before = await bare.ask<{ received: number }>({ do: 'count' })
  const cpu = cpuOf(bare.pid)
  await gateway.simulator.control.post(`/load/${load}/start`)
  for (;;) {
    const { received, lastAt } = await bare.ask<{ received: number; lastAt: number }>({ do: 'count' })
    if (received - before.received >= messages) {
      const report = await gateway.simulator.control.get<LoadReport>(`/load/${load}`)
      return {
        perSecond: rounded((messages * 1_000) / (lastAt - report.began_at)),
        cpu: rounded((cpuOf(bare.pid) - cpu) / messages),
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function prepareLoad(
  { simulator: { control } }: BenchGateway,
  accounts: { number: string }[],
  { messages, rate, prepare }: { messages: number; rate: number; prepare: boolean },
): Promise<string> {
  const { id } = await control.post<LoadReport>('/load', {
    accounts: accounts.map(({ number }) => number),
    contacts,
    messages,
    rate,
    two_way: twoWay,
    prepare,
    start: false,
  })
  await control.until(async () => {
    const { state } = await control.get<LoadReport>(`/load/${id}`)
    if (state === 'failed') throw new Error('the load failed')
    return state === 'ready' ? true : undefined
  })
  return id
}

/** Openers were not watched for: they are no loss. */
function withoutOpeners(outcome: Outcome, list: { sequence: number }[]): Outcome {
  const openers = list.filter(({ sequence }) => sequence === 0).length
  return { lost: outcome.lost - openers, doubled: outcome.doubled, reordered: outcome.reordered }
}
