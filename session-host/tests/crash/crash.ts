import process from 'node:process'
import { parseArgs } from 'node:util'
import { createStack } from '../../../supabase/local/create-stack.ts'
import { runCrashMatrix } from './crash-matrix.ts'
import { createCrashWorld, type CrashWorld } from './crash-world.ts'
import { createDatabaseProxy } from './database-proxy.ts'
import { runFaults } from './run-faults.ts'

/**
 * `npm run test:crash [-- --part kills|faults] [--kills N] [--seed N] [--only ROUNDS] [--fault NAME]`: exits 1 when something is lost,
 * doubled or reordered. `kills` is the crash matrix, `faults` what happens to the database, the lease and the order.
 */
const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    only: { type: 'string' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
    fault: { type: 'string', multiple: true },
  },
})
const log = (line: string): void => void process.stdout.write(`${line}\n`)

if (values.part !== 'faults') await kill()
if (values.part !== 'kills') await fail()

async function kill(): Promise<void> {
  const startedAt = performance.now()
  await using stack = await createStack({ durable: false })
  await using world = await createCrashWorld(stack, { accounts: 6 })
  log(`seed ${values.seed}`)
  const report = await runCrashMatrix(world, {
    kills: Number(values.kills),
    seed: Number(values.seed),
    ...(values.only ? { only: values.only.split(',').map(Number) } : {}),
    log,
  }).catch((error: unknown) => explain(world, error))
  for (const [step, count] of Object.entries(report.steps)) log(`${String(count).padStart(5)}  ${step}`)
  log(
    `${report.kills} kills in ${Math.round((performance.now() - startedAt) / 1_000)} s: ${report.said} messages said, ` +
      `${report.submitted} submitted; none lost, none doubled, all in order; ${report.resent} stanzas resent, ` +
      `${report.retryReceipts} retry receipts`,
  )
}

async function fail(): Promise<void> {
  await using stack = await createStack()
  await using proxy = await createDatabaseProxy(stack.databaseUrl)
  await using world = await createCrashWorld(stack, {
    accounts: 3,
    environment: { DATABASE_URL: proxy.url },
    startsAhead: false,
  })
  await runFaults({ world, stack, proxy }, { ...(values.fault ? { only: values.fault } : {}), log }).catch(
    (error: unknown) => explain(world, error),
  )
}

/** What is known of a failure, before everything is taken down. */
async function explain(world: CrashWorld, error: unknown): Promise<never> {
  process.stderr.write(`The host's last lines:\n${world.active().log.slice(-30).join('\n')}\n`)
  const state = await world.watch
    .query(
      `select (select jsonb_agg(jsonb_build_object('status', c.status, 'attempts', c.attempts, 'next', c.next_attempt_at - now(), 'text', m.text_content, 'message', m.status))
          from private.session_commands c left join public.messages_new m on m.id = c.message_id where c.status in ('queued', 'claimed')) as commands,
        (select jsonb_agg(jsonb_build_object('wait', wait_event_type, 'state', state, 'query', left(query, 60), 'blockers', pg_blocking_pids(pid)))
          from pg_stat_activity where application_name = 'session-host' and state <> 'idle') as activity,
        (select jsonb_agg(jsonb_build_object('status', status, 'reason', status_reason)) from public.whatsapp_sessions) as sessions`,
    )
    .catch((trouble: unknown) => ({ 'the database does not answer': String(trouble) }))
  process.stderr.write(`${JSON.stringify(state, null, 1)}\n`)
  throw error
}
