import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { processStarted } from '../data-folder.ts'

/**
 * Stops the postmaster that a killed parent (and its killed guard) left on this cluster, so that there are never two.
 * First a fast shutdown (SIGINT), after 15 s an immediate one (SIGQUIT), from which Postgres recovers by its log.
 */
export async function stopSurvivingPostmaster(cluster: string): Promise<void> {
  const pid = postmasterPid(cluster)
  if (pid === undefined) return
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return
      throw new Error(
        `A Postgres server (process ${pid}) still runs on ${cluster} and can't be stopped by this user.`,
        { cause: error },
      )
    }
    if (await ended(pid, 15_000)) return
  }
  throw new Error(`A Postgres server (process ${pid}) still runs on ${cluster} and does not stop.`)
}

/** The process id in `postmaster.pid`, if that process lives and really serves this cluster. */
export function postmasterPid(cluster: string): number | undefined {
  let pid: number
  try {
    pid = Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0])
  } catch {
    return undefined
  }
  if (!Number.isInteger(pid) || pid <= 1 || processStarted(pid) === undefined) return undefined
  return servesCluster(pid, cluster) ? pid : undefined
}

function servesCluster(pid: number, cluster: string): boolean {
  if (process.platform === 'linux') {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster)
    } catch {
      return commandLine(pid).includes(cluster)
    }
  }
  return commandLine(pid).includes(cluster)
}

function commandLine(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  } catch {
    return ''
  }
}

async function ended(pid: number, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await delay(20)) {
    if (processStarted(pid) === undefined) return true
  }
  return false
}
