import { spawn } from 'node:child_process'
import { closeSync, openSync, rmSync } from 'node:fs'
import process from 'node:process'
import type { GuardOrder } from './guarded-process.ts'

/**
 * A process of its own that runs one command and outlives nobody: when the parent's end of stdin closes – which the kernel
 * does even when the parent is killed – the command is told to stop, then made to. Started by `startGuarded` only.
 */
const order = JSON.parse(process.argv[2] ?? '{}') as GuardOrder
const log = order.logFile === undefined ? undefined : openSync(order.logFile, 'a', 0o600)
const child = spawn(order.command, order.args, {
  cwd: order.cwd,
  stdio: ['ignore', log ?? 'inherit', log ?? 'inherit'],
  ...(order.uid === undefined ? {} : { uid: order.uid }),
  ...(order.gid === undefined ? {} : { gid: order.gid }),
})
if (log !== undefined) closeSync(log)

let stopping = false

child.on('error', (error) => {
  process.stderr.write(`${order.command}: ${error.message}\n`)
  finish(127)
})
child.on('exit', (code, signal) => finish(code ?? (signal === null ? 1 : 128)))
process.stdin.on('end', stop).on('error', stop).on('close', stop).resume()
process
  .on('SIGTERM', stop)
  .on('SIGINT', () => {})
  .on('SIGHUP', stop)
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

function stop(): void {
  if (stopping) return
  stopping = true
  let wait = 0
  for (const { signal, afterMs } of order.stop) {
    wait += afterMs
    setTimeout(() => child.kill(signal), wait)
  }
}

function finish(code: number): never {
  if (stopping) for (const path of order.removeWhenStopped) rmSync(path, { recursive: true, force: true })
  process.exit(code)
}
