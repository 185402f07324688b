import { setTimeout as pause } from 'node:timers/promises'
import type { Account, CrashWorld } from './crash-world.ts'
import { verify } from './verify.ts'

export interface SoakOptions {
  /** How long traffic goes on, in ms. */
  durationMs: number
  /** Pause between two looks at the host's memory, in ms. */
  sampleMs: number
  /** Says what is done, for people. */
  log: (line: string) => void
}

export interface SoakReport {
  said: number
  submitted: number
  /** Connections that WhatsApp cut, and clients that went away and came back. */
  reconnects: number
  /** Resident memory of the host after garbage collection: hours since the start, and MB. */
  samples: { hours: number; rssMb: number; heapMb: number }[]
  /** MB an hour, of all samples but the first fifth, in which everything is used for the first time. */
  slope: { rss: number; heap: number }
}

/** How a connection ends, in turn: with an error, without a word, and told to come back. */
const cuts = [{ code: 503 }, { how: 'dirty' }, { code: 515 }]
/** Pause between two rounds of traffic of an account, in ms. */
const roundMs = 500
/** Everything is looked at this often while traffic goes on, in rounds. */
const verifyEvery = 240
/** In rounds. Longer than a connection takes to count as settled (10 s): each cut is a new trouble, and the pauses between tries stay short. */
const cutEvery = 26

/**
 * Mixed traffic in both directions on all accounts while their connections are cut and their clients leave, one after another; what was
 * said and submitted must all be where it belongs, and the host's memory must not grow. The host has to be started with the bench's
 * measured-process.ts. Fails with a sentence that says what is not so; whether the slope is acceptable, the caller knows.
 */
export async function runSoak(world: CrashWorld, { durationMs, sampleMs, log }: SoakOptions): Promise<SoakReport> {
  await Promise.all(world.accounts.map((account) => verify(world, account)))
  const startedAt = performance.now()
  const samples: SoakReport['samples'] = []
  let reconnects = 0
  const isOver = (): boolean => performance.now() - startedAt >= durationMs

  async function look(): Promise<void> {
    const { rss, heapUsed } = await inspect(world)
    const sample = { hours: (performance.now() - startedAt) / 3.6e6, rssMb: rss / 2 ** 20, heapMb: heapUsed / 2 ** 20 }
    samples.push(sample)
    log(
      `${(sample.hours * 60).toFixed(1)} min: ${sample.rssMb.toFixed(1)} MB, heap ${sample.heapMb.toFixed(1)} MB, ` +
        `${world.accounts.reduce((sum, each) => sum + each.said.length + each.submitted.length, 0)} messages, ${reconnects} reconnects`,
    )
  }

  async function talk(account: Account, at: number): Promise<void> {
    for (let round = at; !isOver(); round += 1) {
      const next = pause(roundMs)
      // Away while the next messages come, back in the round after.
      const leaves = round % cutEvery === 0
      const comeBack = leaves && round % (2 * cutEvery) === 0 ? account.consumer.leave() : undefined
      if (leaves) {
        reconnects += 1
        const cut = cuts[(round / cutEvery) % cuts.length]
        await world.simulator.control.post(`/phones/${account.number}/drop`, cut ?? {})
      }
      const sent = world.submit(account, { at: round })
      await world.say(account, 'contact', round)
      if (round % 3 === 0) await world.say(account, 'own', round)
      if (round % 4 === 0) await world.say(account, 'group', round)
      await sent
      await next
      comeBack?.()
      if (round % verifyEvery === verifyEvery - 1) await verify(world, account)
    }
  }

  async function sample(): Promise<void> {
    while (!isOver()) {
      await look()
      await pause(Math.min(sampleMs, Math.max(0, durationMs - (performance.now() - startedAt))))
    }
  }

  await Promise.all([sample(), ...world.accounts.map((account, at) => talk(account, at * 2))])
  await Promise.all(world.accounts.map((account) => verify(world, account)))
  await look()
  const warm = samples.slice(Math.floor(samples.length / 5))
  return {
    said: world.accounts.reduce((sum, each) => sum + each.said.length, 0),
    submitted: world.accounts.reduce((sum, each) => sum + each.submitted.length, 0),
    reconnects,
    samples,
    slope: {
      rss: slopeOf(warm.map(({ hours, rssMb }) => [hours, rssMb])),
      heap: slopeOf(warm.map(({ hours, heapMb }) => [hours, heapMb])),
    },
  }
}

/** Least squares. */
function slopeOf(points: [number, number][]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0)
  return spread === 0 ? 0 : points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread
}

/** What the host says of itself after a garbage collection. */
async function inspect(world: CrashWorld): Promise<{ rss: number; heapUsed: number }> {
  const host = world.active()
  const before = host.log.findLast(isMeasurement)
  host.signal('SIGUSR2')
  for (;;) {
    const line = host.log.findLast(isMeasurement)
    if (line !== undefined && line !== before)
      return (JSON.parse(line) as { measured: { rss: number; heapUsed: number } }).measured
    await pause(20)
  }
}

function isMeasurement(line: string): boolean {
  return line.startsWith('{"measured"')
}
