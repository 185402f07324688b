import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { createStack } from '../../../supabase/local/create-stack.ts'
import { createCrashWorld } from './crash-world.ts'
import { runSoak } from './run-soak.ts'

/** `npm run test:soak [-- --minutes N] [--accounts N] [--slope MB]`: exits 1 when something is lost, doubled or reordered, or memory grows. */
const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    accounts: { type: 'string', default: '6' },
    slope: { type: 'string', default: '2' },
  },
})
const minutes = Number(values.minutes)
const limit = Number(values.slope)
await using stack = await createStack({ durable: false })
await using world = await createCrashWorld(stack, {
  accounts: Number(values.accounts),
  environment: {
    NODE_OPTIONS: `--import=${join(import.meta.dirname, '..', '..', 'bench', 'measured-process.ts')}`,
    // What is measured is a host that works, not one that waits between two sends.
    WHATSAPP_SEND_INTERVAL: '0',
    WHATSAPP_FIRST_CONTACT_INTERVAL: '0',
    WHATSAPP_RECIPIENT_RATE: '0',
  },
})
const report = await runSoak(world, {
  durationMs: minutes * 60_000,
  // Thirty looks at least, at most one a minute.
  sampleMs: Math.min(60_000, (minutes * 60_000) / 30),
  log: (line) => void process.stdout.write(`${line}\n`),
})
process.stdout.write(
  `${minutes} min: ${report.said} messages said, ${report.submitted} submitted, ${report.reconnects} reconnects; none lost, none ` +
    `doubled, all in order; memory after garbage collection grows by ${report.slope.rss.toFixed(1)} MB/h (heap ` +
    `${report.slope.heap.toFixed(1)} MB/h), allowed are ${limit} MB/h\n`,
)
if (report.slope.rss > limit) process.exitCode = 1
