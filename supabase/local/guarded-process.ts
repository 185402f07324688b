import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Readable } from 'node:stream'

/** What the guard is asked to run. `stop` lists signals with the time to wait before each, counted from the one before. */
export interface GuardOrder {
  command: string
  args: string[]
  cwd: string
  uid?: number
  gid?: number
  /** Both output streams of the command are appended here; without it the parent reads them. */
  logFile?: string
  stop: { signal: NodeJS.Signals; afterMs: number }[]
  /** Folders deleted when the command was stopped with its parent (not when it failed by itself). */
  removeWhenStopped: string[]
}

export interface GuardedProcess extends AsyncDisposable {
  stdout: Readable
  stderr: Readable
  /** Resolves with the exit code of the command; never rejects. */
  exited: Promise<number>
  /** The command's process id, for signals from outside and for measuring it; read where Linux keeps it. */
  commandPid(): number
}

const compileCache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'compile')

/**
 * Runs a command that stops when this process stops, however it stops (SIGKILL included). It runs in a process group of its
 * own, so that Ctrl-C in a terminal reaches this process first and the order of the shutdown is ours.
 */
export function startGuarded(order: GuardOrder, env: Record<string, string>): GuardedProcess {
  const guard: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'guard.ts'), JSON.stringify(order)], {
    // The guard and what it runs are mostly Node's: compiled once, they start in half the time.
    env: { NODE_COMPILE_CACHE: compileCache, ...env },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const { stdin, stdout, stderr } = guard
  if (!stdin || !stdout || !stderr) throw new Error('the guard process has no pipes')
  stdin.on('error', () => {})
  const exited = once(guard, 'exit').then(
    ([code]) => (typeof code === 'number' ? code : 1),
    () => 127,
  )
  return {
    stdout,
    stderr,
    exited,
    commandPid() {
      const children = readFileSync(`/proc/${guard.pid}/task/${guard.pid}/children`, 'utf8').trim().split(' ')
      const pid = Number(children[0])
      if (!(pid > 0)) throw new Error(`${order.command} is not running`)
      return pid
    },
    async [Symbol.asyncDispose]() {
      stdin.end()
      await exited
    },
  }
}
