import type { Account, CrashWorld } from './crash-world.ts'
import { killPoints, type Armed } from './kill-points.ts'
import { verify } from './verify.ts'

export interface MatrixOptions {
  /** Kills at least. */
  kills: number
  seed: number
  /** Only the rounds with these numbers, from 1. */
  only?: number[]
  /** Says what is done, for people. */
  log: (line: string) => void
}

export interface MatrixReport {
  kills: number
  /** How often the host was killed at each step; several sessions may be at different steps when it is. */
  steps: Record<string, number>
  said: number
  submitted: number
  /** Copies of stanzas beyond the first that reached a phone, resent under the same id. */
  resent: number
  retryReceipts: number
}

/** Longest that a step may need to be reached, and everything to be where it belongs after a kill; ms. */
const patienceMs = 60_000

/**
 * Kills the host at one step after another, and at random moments, while phones and users write; after each kill another host takes
 * over, and everything must be where it belongs. Fails with a sentence that says what is not.
 */
export async function runCrashMatrix(
  world: CrashWorld,
  { kills, seed, only, log }: MatrixOptions,
): Promise<MatrixReport> {
  const random = seededRandom(seed)
  const steps: Record<string, number> = {}
  let killed = 0
  const shared = killPoints.filter((point) => !point.alone)
  const all = [
    ...Array.from({ length: Math.ceil(shared.length / world.accounts.length) }, (_, round) =>
      killAtSteps(shared.slice(round * world.accounts.length, (round + 1) * world.accounts.length)),
    ),
    ...killPoints.filter((point) => point.alone).map((point) => killAtSteps([point])),
    killWhileDraining,
    killAtRandom,
    killAwayConsumer,
    killWhileLinking,
    killDuringHistory,
  ]
  const rounds = all.filter((_, at) => !only || only.includes(at + 1))

  function count(name: string): void {
    steps[name] = (steps[name] ?? 0) + 1
  }

  async function kill(): Promise<string> {
    const holder = await world.kill()
    killed += 1
    return holder
  }

  /** Each account at a step of its own, one kill for all of them, in the middle of other traffic. */
  function killAtSteps(points: typeof killPoints): () => Promise<void> {
    return async () => {
      const armed = await Promise.all(points.map((point, at) => within(point.name, point.arm(world, account(at)))))
      for (const { name } of points) count(name)
      await recover(await kill(), armed)
    }
  }

  async function killAtRandom(): Promise<void> {
    const traffic = talk(3)
    await new Promise((resolve) => setTimeout(resolve, random() * 1_500))
    count('at random')
    const holder = await kill()
    await Promise.all([traffic, recover(holder, [])])
  }

  /** Messages wait at WhatsApp while nobody runs the session; the next host is killed in the middle of them. */
  async function killWhileDraining(): Promise<void> {
    const first = await kill()
    count('while idle')
    for (const each of world.accounts)
      for (let n = 0; n < 12; n += 1) await world.say(each, n % 3 ? 'contact' : 'own', n % 2)
    world.events.mark()
    await world.takeOver(first)
    const { number } = account(0)
    let receipts = 0
    await within(
      'during offline drain',
      world.events.next((event) => event.type === 'receipt.device' && event.number === number && ++receipts > 4),
    )
    count('during offline drain')
    // Live traffic meets what is left of the backlog after the next host has connected.
    const holder = await kill()
    await Promise.all([recover(holder, []), talk(2)])
  }

  async function killAwayConsumer(): Promise<void> {
    const comeBack = world.accounts.map((each) => each.consumer.leave())
    const traffic = talk(3)
    const left = performance.now()
    count('while its consumers were away')
    const holder = await kill()
    await world.takeOver(holder)
    await traffic
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 5_000 - (performance.now() - left))))
    for (const back of comeBack) back()
    await settle()
  }

  async function killWhileLinking(): Promise<void> {
    const { account: fresh, linked } = await world.scanNewPhone()
    await using _consumer = fresh.consumer
    await linked
    // The phone shows the device; the host has to record it, is told to connect anew (515), logs in and uploads its keys.
    await new Promise((resolve) => setTimeout(resolve, random() * 400))
    count('during link')
    await recover(await kill(), [], [fresh])
    await isConnected(fresh)
    for (const at of [0, 1]) await world.say(fresh, 'contact', at)
    await settle([fresh])
  }

  async function killDuringHistory(): Promise<void> {
    const { account: fresh, linked } = await world.scanNewPhone({
      generate: { conversations: 20, messages: 3_000, chunk: 500, on_demand: 0 },
    })
    await using _consumer = fresh.consumer
    await linked
    await within(
      'during history',
      world.watch.until(
        `select 1 from public.session_events where session_id = $1 and type = 'history.imported'`,
        [fresh.sessionId],
        (rows) => rows.length >= 3,
      ),
    )
    count('during history')
    await recover(await kill(), [], [fresh])
    await within(
      'the whole history',
      world.watch.until<{ count: number }>(
        'select count(*)::int from public.messages_new where session_id = $1',
        [fresh.sessionId],
        ([row]) => row?.count === 3_000,
      ),
    )
  }

  async function isConnected(fresh: Account): Promise<void> {
    await within(
      'connected again',
      world.watch.until(
        `select 1 from public.whatsapp_sessions where id = $1 and status = 'connected'`,
        [fresh.sessionId],
        (rows) => rows.length > 0,
      ),
    )
  }

  async function recover(deadHolder: string, armed: Armed[], more: Account[] = []): Promise<void> {
    const startedAt = performance.now()
    for (const each of armed) await each.afterKill()
    await world.takeOver(deadHolder)
    const takenOver = performance.now()
    await talk(1)
    const talked = performance.now()
    await settle(more)
    log(
      `  taken over ${Math.round(takenOver - startedAt)} ms, said ${Math.round(talked - takenOver)} ms, settled ${Math.round(performance.now() - talked)} ms`,
    )
  }

  /** Waits until everything said and submitted is where it belongs, and looks at all of it. */
  async function settle(more: Account[] = []): Promise<void> {
    await Promise.all([...world.accounts, ...more].map((each) => verify(world, each)))
  }

  function account(at: number): Account {
    const found = world.accounts[at % world.accounts.length]
    if (!found) throw new Error('there is no account')
    return found
  }

  /** A little traffic for every account, in both directions. */
  async function talk(rounds_: number): Promise<void> {
    await Promise.all(
      world.accounts.map(async (each) => {
        for (let n = 0; n < rounds_; n += 1) {
          const kinds = ['contact', 'own', 'group', 'contact'] as const
          const sends = world.submit(each, { at: n })
          for (const kind of kinds) await world.say(each, kind, Math.floor(random() * 2))
          await sends
        }
      }),
    )
  }

  await settle()
  for (let round = 0; killed < kills || round < rounds.length; round += 1) {
    const before = performance.now()
    await rounds[round % rounds.length]?.()
    log(`${killed} kills, round ${round + 1}: ${Math.round(performance.now() - before)} ms`)
  }
  const { unhandled } = await world.simulator.control.get<{ unhandled: object[] }>('/unhandled')
  if (unhandled.length > 0) throw new Error(`unknown to the simulator: ${JSON.stringify(unhandled)}`)
  return {
    kills: killed,
    steps,
    said: world.accounts.reduce((sum, each) => sum + each.said.length, 0),
    submitted: world.accounts.reduce((sum, each) => sum + each.submitted.length, 0),
    resent: world.events.count('message.duplicate'),
    retryReceipts: world.events.count('receipt.retry'),
  }
}

function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never came: ${what}`)), patienceMs)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}

/** mulberry32: a small generator with a seed, so that a run can be repeated. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
