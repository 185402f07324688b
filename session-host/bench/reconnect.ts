import { createBenchGateway, type BenchGateway } from './bench-gateway.ts'
import { atMost, rounded, type Benchmark, type BenchmarkOptions, type BenchmarkOutcome } from './benchmark.ts'

/** Sessions, and the seconds that they may take to be open after a clean restart and after SIGKILL. */
const sizes = [
  { sessions: 50, cleanSeconds: 5, killedSeconds: 15 },
  { sessions: 200, cleanSeconds: 15, killedSeconds: 25 },
]

export const reconnect: Benchmark = {
  name: 'reconnect',
  summary: 'all sessions open again after a clean restart and after SIGKILL, with what the event loop has to bear',
  run,
}

interface Restart {
  seconds: number
  loopP99Ms: number
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  await using gateway = await createBenchGateway(log)
  const results: Record<string, unknown> = {}
  const goals = []
  for (const { sessions, cleanSeconds, killedSeconds } of sizes) {
    const count = Math.max(5, Math.round(sessions * scale))
    await gateway.link(count)
    await gateway.connected(count)
    const clean = await restart(gateway, count, 'SIGTERM')
    log(`${count} sessions open ${clean.seconds} s after a clean restart`)
    const killed = await restart(gateway, count, 'SIGKILL')
    log(`${count} sessions open ${killed.seconds} s after SIGKILL`)
    results[`${count}Sessions`] = { clean, killed }
    goals.push(
      atMost(`${count} sessions open ≤ ${cleanSeconds} s after a clean restart`, clean.seconds, cleanSeconds),
      atMost(`${count} sessions open ≤ ${killedSeconds} s after SIGKILL`, killed.seconds, killedSeconds),
      atMost('event-loop p99 ≤ 100 ms', Math.max(clean.loopP99Ms, killed.loopP99Ms), 100),
    )
  }
  const replaced = gateway.host().log.filter((line) => line.includes('"code":440')).length
  return {
    workload: { sessions: sizes.map(({ sessions }) => Math.max(5, Math.round(sessions * scale))), leaseSeconds: 10 },
    results: { ...results, replacedBy440: replaced },
    baseline: null,
    goals: [...goals, atMost('no session replaced by another connection (440)', replaced, 0)],
  }
}

/** Ends the host and starts another; the time counts from its end, start of the process and leases that run out included. */
async function restart(gateway: BenchGateway, count: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<Restart> {
  await gateway.endHost(signal)
  const startedAt = performance.now()
  await gateway.startHost()
  for (;;) {
    const { phones } = await gateway.simulator.control.get<{ phones: { devices: { online: boolean }[] }[] }>('/phones')
    const online = phones.filter(({ devices }) => devices.some((device) => device.online)).length
    if (online >= count) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await gateway.connected(count)
  const seconds = rounded((performance.now() - startedAt) / 1_000)
  const { loop } = await gateway.inspect()
  return { seconds, loopP99Ms: rounded(loop.p99) }
}
