import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestStack } from '../../../supabase/local/create-test-stack.ts'
import type { ServedDatabase } from '../../../supabase/local/serve-database.ts'
import { createCrashWorld, type Account, type CrashWorld } from './crash-world.ts'
import { createDatabaseProxy, type DatabaseProxy } from './database-proxy.ts'
import { verify } from './verify.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

let stack: ServedDatabase
let proxy: DatabaseProxy
let world: CrashWorld
let account: Account
beforeAll(async () => {
  stack = await createTestStack()
  proxy = await createDatabaseProxy(stack.databaseUrl)
  world = await createCrashWorld(stack, { accounts: 1, environment: { DATABASE_URL: proxy.url } })
  const [first] = world.accounts
  if (!first) throw new Error('no account')
  account = first
  await verify(world, account)
})
afterAll(async () => {
  proxy.open()
  await world[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

/** Longer than a lease lives (10 s): the host must let go of the session, and take it again. */
const awayMs = 12_000
const slowMs = 5_000
/** What a host may grow by while it can store nothing, MB. */
const growthLimit = 80

test('while the database is away no message is confirmed, and memory stays; afterwards everything is there, by itself', async () => {
  const memory = residentMb()
  proxy.cut()
  world.events.mark()
  const ids = await talk(20)
  await during(awayMs)
  expect(confirmedOf(ids)).toEqual([])
  expect(residentMb() - memory).toBeLessThan(growthLimit)
  proxy.open()
  await verify(world, account)
})

test('a database that does not answer for five seconds costs nothing but the time', async () => {
  proxy.clog()
  world.events.mark()
  const ids = await talk(10)
  await during(slowMs)
  expect(confirmedOf(ids)).toEqual([])
  proxy.open()
  await verify(world, account)
})

test('a database that has no connection left for the host is waited for, and nothing is confirmed that is not stored', async () => {
  // Every connection of the hosts is gone, and they get no other.
  proxy.fill()
  world.events.mark()
  const ids = await talk(5)
  await during(2_000)
  expect(confirmedOf(ids)).toEqual([])
  proxy.open()
  await verify(world, account)
})

async function talk(count: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = 0; n < count; n += 1) ids.push((await world.say(account, n % 4 ? 'contact' : 'own', n)).id)
  return ids
}

/** Those of the messages that a companion has confirmed since the last mark. */
function confirmedOf(ids: string[]): string[] {
  const seen = world.events
    .all()
    .filter((event) => event.type === 'receipt.device')
    .flatMap((event) => (event['message_ids'] as string[] | undefined) ?? [])
  return ids.filter((id) => seen.includes(id))
}

/** The time itself is what is tested. */
function during(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function residentMb(): number {
  const kb = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.active().pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1_024
}
