import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createStack, type Stack } from '../../../supabase/local/create-stack.ts'
import { createCrashWorld, type CrashWorld } from './crash-world.ts'
import { createDatabaseProxy, type DatabaseProxy } from './database-proxy.ts'
import { throughOutage, type Outage } from './through-outage.ts'
import { verify } from './verify.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

let stack: Stack
let proxy: DatabaseProxy
let world: CrashWorld
beforeAll(async () => {
  // A server of its own, that can be restarted.
  stack = await createStack({ durable: false })
  proxy = await createDatabaseProxy(stack.databaseUrl)
  world = await createCrashWorld(stack, {
    accounts: 1,
    environment: { DATABASE_URL: proxy.url },
    startsAhead: false,
  })
  for (const account of world.accounts) await verify(world, account)
})
afterAll(async () => {
  proxy.open()
  await world[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

/** What a host may grow by while it can store nothing, MB. */
const growthLimit = 80

async function nothingIsConfirmed(outage: Omit<Outage, 'end'> & { end?: Outage['end'] }): Promise<void> {
  const report = await throughOutage(world, { end: () => proxy.open(), ...outage })
  expect(report.confirmed).toEqual([])
  expect(report.growthMb).toBeLessThan(growthLimit)
}

// The long forms, 30 s away, 5 s slow, crashed, a server that refuses: npm run test:crash.
test('while the database is away no message is confirmed, and memory stays; afterwards everything is there, by itself', async () => {
  expect.hasAssertions()
  // Longer than a lease lives (10 s): the host must let go of the session, and take it again.
  await nothingIsConfirmed({ begin: () => proxy.cut(), lastsMs: 12_000, messages: 20 })
})

test('a database that does not answer for a while costs nothing but the time', async () => {
  expect.hasAssertions()
  await nothingIsConfirmed({ begin: () => proxy.clog(), lastsMs: 2_000, messages: 10 })
})

test('a database that has no connection left for the host is waited for, and nothing is confirmed that is not stored', async () => {
  expect.hasAssertions()
  await nothingIsConfirmed({ begin: () => proxy.fill(), lastsMs: 2_000, messages: 5 })
})

test('a database server that is restarted is used again as soon as it is there', async () => {
  expect.hasAssertions()
  const { postgres } = stack
  await nothingIsConfirmed({
    begin: () => postgres.stop('fast'),
    end: () => postgres.start(),
    lastsMs: 500,
    messages: 5,
  })
})
