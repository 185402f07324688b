import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { startGuarded, type GuardedProcess } from '../../supabase/local/guarded-process.ts'

const root = join(import.meta.dirname, '..', '..')

export interface StartedProcess extends AsyncDisposable {
  /** The lines of stdout up to and with the awaited one. */
  lines: string[]
  /** Resolves with the exit code. */
  exited: Promise<number>
}

/**
 * Runs one of the repository's programs in a process of its own and resolves when it prints a line that `isReady` accepts. It never
 * outlives this process. Rejects when it ends before; the reason is what it wrote to stderr.
 */
export async function startProcess(
  script: string,
  args: string[],
  environment: Record<string, string>,
  isReady: (line: string) => boolean,
  onLine: (line: string) => void = () => {},
): Promise<StartedProcess> {
  const guarded: GuardedProcess = startGuarded(
    {
      command: process.execPath,
      args: [join(root, script), ...args],
      cwd: root,
      stop: [
        { signal: 'SIGTERM', afterMs: 0 },
        { signal: 'SIGKILL', afterMs: 10_000 },
      ],
      removeWhenStopped: [],
    },
    { ...inherited(), ...environment },
  )
  const lines: string[] = []
  const trouble: string[] = []
  createInterface({ input: guarded.stderr }).on('line', (line) => {
    trouble.push(line)
    if (trouble.length > 50) trouble.shift()
    onLine(line)
  })
  const output = createInterface({ input: guarded.stdout })
  const { promise: ready, resolve } = Promise.withResolvers<boolean>()
  output.on('line', (line) => {
    lines.push(line)
    if (isReady(line)) resolve(true)
    else onLine(line)
  })
  void once(output, 'close').then(() => resolve(false))
  if (!(await ready)) {
    const code = await guarded.exited
    throw new Error(`${script} ended with exit code ${code}\n${trouble.join('\n')}`)
  }
  return { lines, exited: guarded.exited, [Symbol.asyncDispose]: () => guarded[Symbol.asyncDispose]() }
}

/** What a child needs of this process's environment; settings of the product are given explicitly. */
function inherited(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ', 'NO_COLOR']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name] ?? '']] : [])))
}
