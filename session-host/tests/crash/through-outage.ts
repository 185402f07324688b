import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { CrashWorld } from './crash-world.ts'
import { verify } from './verify.ts'

export interface Outage {
  begin: () => void | Promise<void>
  end: () => void | Promise<void>
  /** How long it lasts, in ms: the time itself is what is tested. */
  lastsMs: number
  /** What phones say to each account meanwhile, spread over the first half of the time. */
  messages: number
}

export interface OutageReport {
  /** Messages said meanwhile that a companion took from WhatsApp before the end: there must be none. */
  confirmed: string[]
  /** What the host grew by at most, MB. */
  growthMb: number
}

const sampleMs = 250

/**
 * Phones speak while the database is out; users ask for one message each, which is accepted when it is back. Resolves when everything is
 * where it belongs again, by itself; fails with what is not.
 */
export async function throughOutage(
  world: CrashWorld,
  { begin, end, lastsMs, messages }: Outage,
): Promise<OutageReport> {
  const before = residentMb(world)
  let peak = before
  await begin()
  const until = performance.now() + lastsMs
  world.events.mark()
  const [ids] = await Promise.all([
    talk(world, messages, lastsMs / 2),
    (async () => {
      while (performance.now() < until) {
        peak = Math.max(peak, residentMb(world))
        await pause(Math.min(sampleMs, Math.max(0, until - performance.now())))
      }
    })(),
  ])
  const confirmed = takenOf(world, ids)
  const submitted = world.accounts.map((account) => world.submit(account))
  await end()
  await Promise.all(submitted)
  await Promise.all(world.accounts.map((account) => verify(world, account)))
  return { confirmed, growthMb: peak - before }
}

async function talk(world: CrashWorld, count: number, withinMs: number): Promise<string[]> {
  const kinds = ['contact', 'own', 'contact', 'group'] as const
  const said = await Promise.all(
    world.accounts.map(async (account) => {
      const ids: string[] = []
      for (let n = 0; n < count; n += 1) {
        ids.push((await world.say(account, kinds[n % kinds.length] ?? 'contact', n)).id)
        await pause(withinMs / count)
      }
      return ids
    }),
  )
  return said.flat()
}

/** Those of the messages that a companion has answered since the last mark, with a receipt or a refusal: WhatsApp has them no more. */
function takenOf(world: CrashWorld, ids: string[]): string[] {
  const seen = new Set(
    world.events
      .all()
      .filter((event) => event.type === 'receipt.device')
      .flatMap((event) => (event['message_ids'] as string[] | undefined) ?? [String(event['message_id'])]),
  )
  return ids.filter((id) => seen.has(id))
}

function residentMb(world: CrashWorld): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.active().pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1_024
}
