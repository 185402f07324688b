import { createBenchGateway, type BenchGateway } from './bench-gateway.ts'
import { atMost, rounded, type Benchmark, type BenchmarkOptions, type BenchmarkOutcome } from './benchmark.ts'

const sessions = 200
/** What the process itself costs, code and first use of everything, is there with a tenth of them. */
const baseShare = 0.1

export const idle: Benchmark = {
  name: 'idle',
  summary: 'memory of a session that does nothing: just linked, and opened again after a restart',
  run,
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  const count = Math.max(10, Math.round(sessions * scale))
  const base = Math.max(3, Math.round(count * baseShare))
  await using gateway = await createBenchGateway(log)
  await gateway.link(base)
  await gateway.connected(base)
  const linkedBase = await settled(gateway)
  await gateway.link(count)
  await gateway.connected(count)
  const linkedAll = await settled(gateway)

  // The same, opened again: first the few, then the rest.
  await gateway.endHost('SIGTERM')
  const rest = gateway.accounts.slice(base).map(({ sessionId }) => sessionId)
  await gateway.watch.query(`update public.whatsapp_sessions set desired = 'stopped' where id = any($1)`, [rest])
  await gateway.startHost()
  await gateway.connected(base)
  const openedBase = await settled(gateway)
  await gateway.watch.query(`update public.whatsapp_sessions set desired = 'running' where id = any($1)`, [rest])
  await gateway.connected(count)
  const openedAll = await settled(gateway)

  const each = (more: number, fewer: number): number => rounded((more - fewer) / (count - base) / 2 ** 20)
  const linked = each(linkedAll.rss, linkedBase.rss)
  const opened = each(openedAll.rss, openedBase.rss)
  return {
    workload: { sessions: count, measuredAgainst: base },
    results: {
      rssMbPerSession: { justLinked: linked, openedAgain: opened },
      heapMbPerSession: {
        justLinked: each(linkedAll.heapUsed, linkedBase.heapUsed),
        openedAgain: each(openedAll.heapUsed, openedBase.heapUsed),
      },
      rssMb: { justLinked: rounded(linkedAll.rss / 2 ** 20), openedAgain: rounded(openedAll.rss / 2 ** 20) },
    },
    baseline: null,
    goals: [
      atMost('RSS per session opened again ≤ 1.5 MB', opened, 1.5),
      atMost('RSS per session just linked ≤ 3 MB', linked, 3),
    ],
  }
}

/** After a while without anything to do, and a garbage collection. */
async function settled(gateway: BenchGateway): Promise<{ rss: number; heapUsed: number }> {
  await gateway.inspect()
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  return gateway.inspect()
}
