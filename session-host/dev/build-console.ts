import { execFile } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..', '..')
const pages = [
  { name: 'console', folder: 'session-host/console', sources: ['session-host/console', 'shared', 'package-lock.json'] },
  {
    name: 'simulated phone',
    folder: 'session-host/simulator/phone',
    sources: ['session-host/simulator/phone', 'package-lock.json'],
  },
]

/**
 * Builds the web pages with Vite: the console that the session-host serves, and the simulated phone that the simulator serves. What is
 * newer than its sources is left alone, unless forced. Without Vite (a production install) existing builds are used as they are.
 */
export async function buildPages({ force = false }: { force?: boolean } = {}): Promise<void> {
  const stale = pages.filter(({ folder, sources }) => force || isStale(folder, sources))
  if (stale.length === 0) return
  const vite = join(root, 'node_modules', '.bin', 'vite')
  if (!existsSync(vite)) {
    const missing = stale.filter(({ folder }) => !existsSync(join(root, folder, 'dist', 'index.html')))
    for (const { name } of missing)
      process.stderr.write(`The ${name} is not built, and Vite is not installed: run npm ci, then npm run build.\n`)
    return
  }
  // In processes of their own: Vite sets NODE_ENV to production for everything in its process.
  await Promise.all(
    stale.map(({ folder }) =>
      promisify(execFile)(vite, ['build', join(root, folder), '--logLevel', 'error'], {
        cwd: root,
        env: { ...process.env, PATH: `${join(root, 'node_modules', '.bin')}${delimiter}${process.env['PATH'] ?? ''}` },
      }),
    ),
  )
}

function isStale(folder: string, sources: string[]): boolean {
  const built = join(root, folder, 'dist', 'index.html')
  if (!existsSync(built)) return existsSync(join(root, folder, 'vite.config.ts'))
  const at = statSync(built).mtimeMs
  return sources.some((source) => newest(join(root, source)) > at)
}

function newest(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return 0
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(
    0,
    ...readdirSync(path)
      .filter((name) => name !== 'dist' && name !== 'node_modules')
      .map((name) => newest(join(path, name))),
  )
}

if (import.meta.main) await buildPages({ force: process.argv.includes('--force') })
