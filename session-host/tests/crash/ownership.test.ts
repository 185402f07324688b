import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createTestStack } from '../../../supabase/local/create-test-stack.ts'
import type { ServedDatabase } from '../../../supabase/local/serve-database.ts'
import type { HostProcess } from '../start-host-process.ts'
import { createCrashWorld, type Account, type CrashWorld } from './crash-world.ts'
import { verify } from './verify.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

let stack: ServedDatabase
let world: CrashWorld
let account: Account
beforeAll(async () => {
  stack = await createTestStack()
  world = await createCrashWorld(stack, { accounts: 1 })
  const [first] = world.accounts
  if (!first) throw new Error('no account')
  account = first
  await verify(world, account)
})
afterAll(async () => {
  await world[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

test('an owner that stood still while another took over writes nothing any more, and does not fight for the socket', async () => {
  const before = await owner()
  const stale = world.active()
  stale.signal('SIGSTOP')
  try {
    // It lies in the stale owner's socket, and waits for the next one at WhatsApp.
    await world.say(account, 'contact')
    const comeBack = account.consumer.leave()
    // Sooner than its own clock would say that the lease is over: only the database can tell.
    world.events.mark()
    await world.takeOver(before.holder)
    comeBack()
    await world.submit(account)
    await world.events.next((event) => event.type === 'phone.online' && event.number === account.number)
    await verify(world, account)
    const taken = await owner()
    expect(taken.holder).not.toBe(before.holder)
    expect(taken.epoch).toBeGreaterThan(before.epoch)
    const keys = await keyRows()
    const logins = world.events.count('phone.online')

    stale.signal('SIGCONT')
    await logged(stale, /lease|starting anew/)
    // It lives, without the session: what it looks for and finds is somebody else's.
    expect((await fetch(`${stale.url}/readyz`)).status).toBe(200)
    expect(await keyRows()).toEqual(keys)
    await world.say(account, 'contact', 1)
    await world.submit(account, { at: 1 })
    await verify(world, account)
    expect(await owner()).toMatchObject({ holder: taken.holder, epoch: taken.epoch })
    expect(world.events.count('phone.online')).toBe(logins)
    const { connections } = await world.simulator.control.get<{ connections: number }>('/state')
    expect(connections).toBe(1)
  } finally {
    await stale.end()
  }
})

test('an owner that is told to stop hands over in the middle of traffic, without waiting for its lease to run out', async () => {
  const before = await owner()
  const leaving = world.active()
  const traffic = Promise.all([talk('contact'), talk('own')])
  const startedAt = performance.now()
  leaving.signal('SIGTERM')
  await world.switchToStandby()
  await world.watch.until<{ holder: string }>(
    'select holder from private.session_leases where session_id = $1 and expires_at > clock_timestamp()',
    [account.sessionId],
    ([row]) => row !== undefined && row.holder !== before.holder,
  )
  // The lease alone would have kept the other one out for longer, had it not been given back.
  expect(await leaving.exited).toBe(0)
  expect(performance.now() - startedAt).toBeLessThan(60_000)
  await traffic
  await verify(world, account)
})

async function talk(from: 'contact' | 'own'): Promise<void> {
  for (let n = 0; n < 5; n += 1) {
    await world.say(account, from, n)
    await world.submit(account, { at: n })
  }
}

async function owner(): Promise<{ holder: string; epoch: number }> {
  const [row] = await world.watch.query<{ holder: string; epoch: number }>(
    'select holder, epoch::int from private.session_leases where session_id = $1',
    [account.sessionId],
  )
  if (!row) throw new Error('nobody owns the session')
  return row
}

function keyRows(): Promise<object[]> {
  return world.watch.query(
    `select type, id, md5(ciphertext) as digest from private.whatsapp_keys where session_id = $1 order by type, id`,
    [account.sessionId],
  )
}

/** Resolves when a host has logged something that fits. */
async function logged(host: HostProcess, pattern: RegExp): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!host.log.some((line) => pattern.test(line))) {
    if (performance.now() > deadline) throw new Error(`never logged: ${pattern.source}\n${host.log.join('\n')}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
