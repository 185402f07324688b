import { setTimeout as pause } from 'node:timers/promises'
import type { Account, CrashWorld } from './crash-world.ts'
import { verify } from './verify.ts'

/** How long a lease lives without renewal, ms. */
const leaseMs = 10_000

interface Owner {
  holder: string
  epoch: number
}

/**
 * SIGSTOP to the host that runs the sessions for twice as long as a lease lives, while phones and users write; another host takes over by
 * itself; then SIGCONT. Fails with what the stale owner did that it may not do any more, or with what is lost.
 */
export async function stopOwnerForTwiceTheLease(world: CrashWorld): Promise<{ takenOverMs: number }> {
  const stale = world.active()
  const before = await Promise.all(world.accounts.map((account) => ownerOf(world, account)))
  const stoppedAt = performance.now()
  stale.signal('SIGSTOP')
  try {
    const comeBack = world.accounts.map(({ consumer }) => consumer.leave())
    // They lie in the stale owner's sockets, and wait for the next one at WhatsApp.
    await sayToAll(world)
    await world.switchToStandby()
    const after = await Promise.all(world.accounts.map((account, at) => takenOver(world, account, before[at])))
    const takenOverMs = performance.now() - stoppedAt
    for (const back of comeBack) back()
    await Promise.all(world.accounts.map((account) => world.submit(account)))
    await Promise.all(world.accounts.map((account) => verify(world, account)))
    await pause(Math.max(0, 2 * leaseMs - (performance.now() - stoppedAt)))
    const keys = await keyRows(world)
    const logins = world.events.count('phone.online')

    stale.signal('SIGCONT')
    await letsGo(stale.log, world.accounts)
    if (JSON.stringify(await keyRows(world)) !== JSON.stringify(keys)) throw new Error('the stale owner wrote keys')
    await sayToAll(world)
    await Promise.all(world.accounts.map((account) => world.submit(account)))
    await Promise.all(world.accounts.map((account) => verify(world, account)))
    const now = await Promise.all(world.accounts.map((account) => ownerOf(world, account)))
    if (JSON.stringify(now) !== JSON.stringify(after)) throw new Error('a session changed hands again')
    const since = world.events.count('phone.online') - logins
    if (since > 0) throw new Error(`${since} logins after the stale owner was back`)
    const { connections } = await world.simulator.control.get<{ connections: number }>('/state')
    if (connections !== world.accounts.length) throw new Error(`${connections} connections to WhatsApp are open`)
    const { status } = await fetch(`${stale.url}/readyz`)
    if (status !== 200) throw new Error(`the stale owner is not ready for other sessions: ${status}`)
    return { takenOverMs }
  } finally {
    await stale.end()
  }
}

async function sayToAll(world: CrashWorld): Promise<void> {
  await Promise.all(
    world.accounts.flatMap((account) =>
      (['contact', 'own', 'group'] as const).map((from, at) => world.say(account, from, at)),
    ),
  )
}

async function takenOver(world: CrashWorld, account: Account, before: Owner | undefined): Promise<Owner> {
  const [owner] = await world.watch.until<Owner>(
    'select holder, epoch::int from private.session_leases where session_id = $1 and expires_at > clock_timestamp()',
    [account.sessionId],
    ([row]) => row !== undefined && row.holder !== before?.holder && row.epoch > (before?.epoch ?? 0),
  )
  if (!owner) throw new Error('nobody took over')
  return owner
}

async function ownerOf(world: CrashWorld, { sessionId }: Account): Promise<Owner> {
  const [row] = await world.watch.query<Owner>(
    'select holder, epoch::int from private.session_leases where session_id = $1',
    [sessionId],
  )
  if (!row) throw new Error('nobody owns the session')
  return row
}

function keyRows(world: CrashWorld): Promise<object[]> {
  return world.watch.query(
    `select session_id, type, id, md5(ciphertext) as digest from private.whatsapp_keys
       where session_id = any($1) order by session_id, type, id`,
    [world.accounts.map(({ sessionId }) => sessionId)],
  )
}

/** Resolves when the stale owner has said of every session that it is no longer its own. */
async function letsGo(log: string[], accounts: Account[]): Promise<void> {
  const deadline = performance.now() + 60_000
  const says = ({ sessionId }: Account): boolean =>
    log.some((line) => line.includes(sessionId) && /lease|starting anew/.test(line))
  while (!accounts.every(says)) {
    if (performance.now() > deadline) throw new Error(`it never let go of its sessions:\n${log.join('\n')}`)
    await pause(50)
  }
}
