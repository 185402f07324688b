import process from 'node:process'
import { parseArgs } from 'node:util'
import { createStack } from '../../../supabase/local/create-stack.ts'
import { runCrashMatrix } from './crash-matrix.ts'
import { createCrashWorld } from './crash-world.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    kills: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1e9) },
  },
})
const startedAt = performance.now()
await using stack = await createStack({ durable: false })
await using world = await createCrashWorld(stack, { accounts: 6 })
process.stdout.write(`seed ${values.seed}\n`)
const report = await runCrashMatrix(world, {
  kills: Number(values.kills),
  seed: Number(values.seed),
  ...(values.only ? { only: values.only.split(',').map(Number) } : {}),
  log: (line) => void process.stdout.write(`${line}\n`),
}).catch(async (error: unknown) => {
  process.stderr.write(`The host's last lines:\n${world.active().log.slice(-30).join('\n')}\n`)
  const state = await world.watch.query(
    `select (select jsonb_agg(jsonb_build_object('status', c.status, 'attempts', c.attempts, 'next', c.next_attempt_at - now(), 'text', m.text_content, 'message', m.status))
        from private.session_commands c left join public.messages_new m on m.id = c.message_id where c.status in ('queued', 'claimed')) as commands,
      (select jsonb_agg(jsonb_build_object('wait', wait_event_type, 'state', state, 'query', left(query, 60), 'blockers', pg_blocking_pids(pid)))
        from pg_stat_activity where application_name = 'session-host' and state <> 'idle') as activity,
      (select jsonb_agg(jsonb_build_object('status', status, 'reason', status_reason)) from public.whatsapp_sessions) as sessions`,
  )
  process.stderr.write(`${JSON.stringify(state, null, 1)}\n`)
  throw error
})
for (const [step, count] of Object.entries(report.steps))
  process.stdout.write(`${String(count).padStart(5)}  ${step}\n`)
process.stdout.write(
  `${report.kills} kills in ${Math.round((performance.now() - startedAt) / 1_000)} s: ${report.said} messages said, ` +
    `${report.submitted} submitted; none lost, none doubled, all in order; ${report.resent} stanzas resent, ` +
    `${report.retryReceipts} retry receipts\n`,
)
