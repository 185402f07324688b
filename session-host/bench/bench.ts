import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import type { Benchmark, BenchmarkOutcome, Goal } from './benchmark.ts'
import { commands } from './commands.ts'
import { idle } from './idle.ts'
import { inbound } from './inbound.ts'
import { ingest } from './ingest.ts'
import { history } from './history.ts'
import { lists } from './lists.ts'
import { reconnect } from './reconnect.ts'
import { send } from './send.ts'
import { media } from './media.ts'

const benchmarks: Benchmark[] = [lists, ingest, commands, inbound, reconnect, idle, send, media, history]

/** `npm run bench -- NAME [--json] [--scale S]`: runs one benchmark; without a name lists them. Exits 1 when a goal is missed. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, scale: { type: 'string', default: '1' } },
  })
  const [name] = positionals
  if (name === undefined) {
    for (const { name: each, summary } of benchmarks) process.stdout.write(`${each.padEnd(10)} ${summary}\n`)
    return
  }
  const benchmark = benchmarks.find((candidate) => candidate.name === name)
  const scale = Number(values.scale)
  if (!benchmark || !(scale > 0 && scale <= 1)) {
    process.stderr.write(
      benchmark
        ? 'The scale is a number above 0 and up to 1.\n'
        : `There is no benchmark "${name}"; there are ${benchmarks.map((each) => each.name).join(', ')}.\n`,
    )
    process.exitCode = 64
    return
  }
  const machine = describeMachine()
  const outcome = await benchmark.run({
    scale,
    log: (line) => void (values.json ? process.stderr : process.stdout).write(`${line}\n`),
  })
  const report = {
    name,
    commit: commitOf(),
    machine,
    workload: { scale, ...outcome.workload },
    results: outcome.results,
    baseline: outcome.baseline,
    goals: { met: outcome.goals.every(({ met }) => met), each: outcome.goals },
  }
  process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report.machine, outcome))
  if (!report.goals.met) process.exitCode = 1
}

interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  node: string
  /** Processes that wanted a core in the last minute, before the run: above the cores, others were at work. */
  loadBefore: number
}

function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  }
}

function commitOf(): string | null {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return null
  }
}

function describe(machine: Machine, { results, baseline, goals }: BenchmarkOutcome): string {
  const lines = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, load before ${machine.loadBefore}`,
    ...describeAll('', results),
    ...(baseline ? describeAll('baseline ', baseline) : []),
    ...goals.map(({ goal, value, met }: Goal) => `${met ? '✓' : '✗'} ${goal}: ${value}`),
  ]
  return `${lines.join('\n')}\n`
}

function describeAll(prefix: string, facts: Record<string, unknown>): string[] {
  return Object.entries(facts).map(
    ([fact, value]) => `${prefix}${fact}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
}

await main()
