import { spawn } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'

const root = join(import.meta.dirname, '..', '..')
const rooms = ['shared', 'supabase', 'edge-functions', 'session-host']

interface Check {
  name: string
  command: string
  args: string[]
  /** Says what is wrong with the output of a run that ended well, or null. */
  suspicion?: (output: string) => string | null
}

const checks: Check[] = [
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'types', command: 'tsc', args: ['--noEmit', '-p', '.'] },
  { name: 'lint', command: 'oxlint', args: ['--deny-warnings'] },
  {
    name: 'import rules',
    command: 'depcruise',
    args: ['--config', '.dependency-cruiser.mjs', ...rooms],
    // With a TypeScript that it can't use, dependency-cruiser sees nothing and is content.
    suspicion: (output) =>
      Number(/(\d+) modules/.exec(output)?.[1] ?? 0) < 200 ? 'it looked at fewer than 200 modules' : null,
  },
  { name: 'dead code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
]

/** Format, types, lint, import rules, dead code. Prints a line a check, and what a failed one said. */
async function main(): Promise<void> {
  let failed = 0
  for (const check of checks) {
    const startedAt = performance.now()
    const { code, output } = await run(check)
    const suspicion = code === 0 ? (check.suspicion?.(output) ?? null) : null
    const passed = code === 0 && suspicion === null
    if (!passed) failed += 1
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stdout.write(`${passed ? '✓' : '✗'} ${check.name} (${seconds} s)${suspicion ? `: ${suspicion}` : ''}\n`)
    if (!passed) process.stdout.write(`${output.trim()}\n`)
  }
  process.stdout.write(failed === 0 ? 'All checks passed.\n' : `${failed} of ${checks.length} checks failed.\n`)
  process.exitCode = failed === 0 ? 0 : 1
}

function run({ command, args }: Check): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', command), args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1' },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    child.on('error', (error) => resolve({ code: 127, output: error.message }))
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

await main()
