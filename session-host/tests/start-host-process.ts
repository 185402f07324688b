import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { startGuarded } from '../../supabase/local/guarded-process.ts'

export interface HostProcess extends AsyncDisposable {
  url: string
  pid: number
  /** Sends it a signal from outside; resolves at once. */
  signal(signal: NodeJS.Signals): void
  exited: Promise<number>
  /** What it logged, the last lines. */
  log: string[]
  /** Ends it with the signal it was started for; resolves with its exit code. */
  end(): Promise<number>
}

/**
 * A session-host in a process of its own, which dies with this one. Resolves when it serves; rejects with its exit code and what it
 * wrote to stderr when it does not.
 */
export async function startHostProcess(
  environment: Record<string, string>,
  ending: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
): Promise<HostProcess> {
  const root = join(import.meta.dirname, '..', '..')
  const guarded = startGuarded(
    {
      command: process.execPath,
      args: [join(root, 'session-host', 'main.ts')],
      cwd: root,
      stop: [
        { signal: ending, afterMs: 0 },
        { signal: 'SIGKILL', afterMs: 20_000 },
      ],
      removeWhenStopped: [],
    },
    { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
  )
  const trouble: string[] = []
  createInterface({ input: guarded.stderr }).on('line', (line) => trouble.push(line))
  const lines = createInterface({ input: guarded.stdout })
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const log: string[] = []
  lines.on('line', (line) => {
    log.push(line)
    if (log.length > 400) log.shift()
    if (line.startsWith('session-host http')) resolve(line.replace('session-host ', ''))
  })
  void once(lines, 'close').then(() => resolve(undefined))
  const url = await promise
  const end = async (): Promise<number> => {
    await guarded[Symbol.asyncDispose]()
    return guarded.exited
  }
  if (url === undefined) {
    const exitCode = await guarded.exited
    throw Object.assign(new Error(trouble.join('\n')), { exitCode })
  }
  const pid = guarded.commandPid()
  return {
    url,
    pid,
    log,
    exited: guarded.exited,
    signal: (signal) => void process.kill(pid, signal),
    end,
    [Symbol.asyncDispose]: async () => void (await end()),
  }
}
