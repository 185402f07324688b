import pg from 'pg'
import { databaseUrl } from '../../../supabase/local/postgres/create-postgres-server.ts'
import type { Stack } from '../../../supabase/local/create-stack.ts'
import type { CrashWorld } from './crash-world.ts'
import type { DatabaseProxy } from './database-proxy.ts'
import { drainBacklogUnderTraffic } from './drain-backlog.ts'
import { stopOwnerForTwiceTheLease } from './stopped-owner.ts'
import { throughOutage, type Outage } from './through-outage.ts'
import { verify } from './verify.ts'

export interface FaultWorld {
  world: CrashWorld
  /** Whose fsync is on: what it said was committed must survive its crash. */
  stack: Stack
  /** The hosts' way to the database. */
  proxy: DatabaseProxy
}

/** What a host may grow by while it can store nothing, MB. */
const growthLimit = 80

/** What is tested once, and takes its time; each resolves with a sentence of what was seen, or fails with one of what does not hold. */
const faults: Record<string, (world: FaultWorld) => Promise<string>> = {
  'database away for 30 s': ({ world, stack: { postgres } }) =>
    outage(world, { begin: () => postgres.stop('fast'), end: () => postgres.start(), lastsMs: 30_000, messages: 120 }),
  'database restarted': ({ world, stack: { postgres } }) =>
    outage(world, { begin: () => postgres.stop('fast'), end: () => postgres.start(), lastsMs: 1_000, messages: 20 }),
  'database crashed and recovered': ({ world, stack: { postgres } }) =>
    outage(world, {
      begin: () => postgres.stop('immediate'),
      end: () => postgres.start(),
      lastsMs: 1_000,
      messages: 20,
    }),
  'database slow for 5 s': ({ world, proxy }) =>
    outage(world, { begin: () => proxy.clog(), end: () => proxy.open(), lastsMs: 5_000, messages: 40 }),
  'database out of connections for 15 s': ({ world, stack }) =>
    outage(world, {
      begin: () => limitConnections(stack, 0),
      end: () => limitConnections(stack, -1),
      lastsMs: 15_000,
      messages: 60,
    }),
  'owner stopped for twice its lease': async ({ world }) => {
    const { takenOverMs } = await stopOwnerForTwiceTheLease(world)
    return `the other host took over after ${Math.round(takenOverMs)} ms; the stale one wrote nothing and let go`
  },
  'live traffic while a backlog drains': async ({ world }) => {
    const { liveBeforeDrained } = await drainBacklogUnderTraffic(world, { backlog: 200, live: 100 })
    return `200 waited for each account, 100 came live, the last of them while ${liveBeforeDrained} still waited; all in order`
  },
}

export const faultNames = Object.keys(faults)

/** Runs those named, all by default, and says of each what was seen. */
export async function runFaults(
  world: FaultWorld,
  { only = faultNames, log }: { only?: string[]; log: (line: string) => void },
): Promise<void> {
  await Promise.all(world.world.accounts.map((account) => verify(world.world, account)))
  for (const name of only) {
    const run = faults[name]
    if (!run) throw new Error(`there is no fault "${name}"; there are: ${faultNames.join(', ')}`)
    const startedAt = performance.now()
    const seen = await run(world)
    log(`${name}: ${seen} (${Math.round((performance.now() - startedAt) / 1_000)} s)`)
  }
}

async function outage(world: CrashWorld, how: Outage): Promise<string> {
  const { confirmed, growthMb } = await throughOutage(world, how)
  if (confirmed.length > 0) throw new Error(`confirmed, and not stored: ${confirmed.join(', ')}`)
  if (growthMb > growthLimit) throw new Error(`the host grew by ${growthMb.toFixed(0)} MB`)
  return `${how.messages} messages for each account, none of them confirmed before it was back, all stored then; the host grew by ${growthMb.toFixed(0)} MB`
}

/** 0: every connection of the hosts ends, and the server refuses others ("too many connections for role"); -1: no limit. */
async function limitConnections({ adminDatabaseUrl, secrets }: Stack, limit: number): Promise<void> {
  const port = Number(new URL(adminDatabaseUrl).port)
  const client = new pg.Client({ connectionString: databaseUrl(port, secrets, 'supabase_admin') })
  await client.connect()
  try {
    await client.query(`alter role session_host connection limit ${limit}`)
    if (limit === 0)
      await client.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'session_host'`)
  } finally {
    await client.end()
  }
}
