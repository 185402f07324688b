import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { buildPages } from './build-console.ts'

const root = join(import.meta.dirname, '..', '..')
const binary = (name: string): string => join(root, 'node_modules', '.bin', name)
const vitest = ['--reporter=default', '--reporter=json']

/** Every test there is: units, everything on real parts, the browser; then the pure rooms again under the real Deno. */
const suites: { name: string; command: string; args: string[] }[] = [
  { name: 'node', command: binary('vitest'), args: ['run'] },
  {
    name: 'deno',
    command: binary('deno'),
    args: [
      'run',
      '-A',
      '--cached-only',
      '--no-lock',
      '--node-modules-dir=manual',
      'npm:vitest',
      'run',
      '--project',
      'unit',
      '--pool',
      'forks',
      'shared/',
      'edge-functions/',
    ],
  },
]

/** Runs them and prints one closing line `N passed, N failed`. A suite that does not report counts as a failure. */
async function main(): Promise<void> {
  await buildPages()
  mkdirSync(join(root, 'out'), { recursive: true })
  const totals = { passed: 0, failed: 0, skipped: 0 }
  const only = process.argv.slice(2)
  for (const { name, command, args } of suites) {
    const report = join(root, 'out', `${name}.json`)
    rmSync(report, { force: true })
    process.stdout.write(`\n── ${name} ──\n`)
    const run = spawnSync(
      command,
      [...args, ...(name === 'node' ? only : []), ...vitest, `--outputFile.json=${report}`],
      {
        cwd: root,
        stdio: 'inherit',
        env: {
          NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'compile'),
          ...process.env,
          PATH: `${join(root, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}`,
        },
      },
    )
    const counted = existsSync(report) ? readReport(report) : { passed: 0, failed: 0, skipped: 0 }
    totals.passed += counted.passed
    totals.skipped += counted.skipped
    // A file that does not load or an unhandled error fails the run without failing a test.
    totals.failed += run.status !== 0 && counted.failed === 0 ? 1 : counted.failed
  }
  process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0
  process.stdout.write(
    `\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}\n`,
  )
}

function readReport(file: string): { passed: number; failed: number; skipped: number } {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Record<
    'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests',
    number
  >
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}

await main()
