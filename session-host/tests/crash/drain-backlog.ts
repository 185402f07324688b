import pg from 'pg'
import type { Account, CrashWorld } from './crash-world.ts'
import { verify } from './verify.ts'

export interface BacklogOptions {
  /** Messages that wait at WhatsApp for each account. */
  backlog: number
  /** Messages that come to each account while those drain. */
  live: number
}

/**
 * Hundreds of messages, in conversations of several kinds, wait at WhatsApp when a host connects; more come before any of them is
 * stored, and go on coming while they are. Everything must be stored and published in the order of its conversation. Fails with what
 * is not.
 */
export async function drainBacklogUnderTraffic(
  world: CrashWorld,
  { backlog, live }: BacklogOptions,
): Promise<{ liveBeforeDrained: number }> {
  const dead = await world.kill()
  await Promise.all(world.accounts.map((account) => say(world, account, backlog)))
  await using gate = await holdRatchets(world)
  world.events.mark()
  await world.takeOver(dead)
  // The backlog is on the wire, and can't be committed.
  await gate.isWaitedFor()
  await Promise.all(world.accounts.map((account) => say(world, account, Math.floor(live / 2))))
  await gate.open()
  const rest = live - Math.floor(live / 2)
  await Promise.all(world.accounts.map((account) => say(world, account, rest)))
  const drained = world.events
    .all()
    .flatMap(({ type, ...event }) => (type === 'receipt.device' ? ((event['message_ids'] as string[]) ?? []) : []))
  await Promise.all(world.accounts.map((account) => verify(world, account)))
  return { liveBeforeDrained: backlog * world.accounts.length - drained.length }
}

/** Two contacts, the own phone in both of their chats, and a group of both, in turn. */
async function say(world: CrashWorld, account: Account, count: number): Promise<void> {
  const kinds = ['contact', 'contact', 'group', 'own'] as const
  for (let n = 0; n < count; n += 1) await world.say(account, kinds[n % kinds.length] ?? 'contact', n)
}

/** Holds what every decryption writes, until it is opened. */
async function holdRatchets(
  world: CrashWorld,
): Promise<AsyncDisposable & { isWaitedFor(): Promise<void>; open(): Promise<void> }> {
  const client = new pg.Client({ connectionString: world.stack.adminDatabaseUrl })
  await client.connect()
  await client.query('begin')
  await client.query(`select 1 from private.whatsapp_keys where session_id = any($1) and type = 'session' for update`, [
    world.accounts.map(({ sessionId }) => sessionId),
  ])
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  let held = true
  async function open(): Promise<void> {
    if (held) await client.query('rollback')
    held = false
  }
  return {
    open,
    async isWaitedFor() {
      await world.watch.until(
        'select 1 from pg_stat_activity where $1 = any(pg_blocking_pids(pid))',
        [rows[0]?.pid],
        (waiting) => waiting.length > 0,
      )
    },
    async [Symbol.asyncDispose]() {
      await open()
      await client.end()
    },
  }
}
