import { spawnSync } from 'node:child_process'
import { chownSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'

/** The account that the Postgres server runs under. `ids` is empty when that is simply the account running this process. */
export interface ServerAccount {
  ids: { uid?: number; gid?: number }
  /** Whether the account can read, write and enter a folder, asked of the kernel by trying. */
  canUse(folder: string): boolean
  /** Whether the account can run a program, asked of the kernel by trying. */
  canRun(program: string): boolean
}

/**
 * Postgres refuses to run as root. As root its server gets the account that owns the cluster already, for a new one
 * `nobody` (or the first other unprivileged account); any other user runs it directly.
 */
export function chooseServerAccount(cluster: string): ServerAccount {
  const ids = process.geteuid?.() === 0 ? (owner(cluster) ?? unprivilegedIds()) : {}
  return {
    ids,
    canUse: (folder) =>
      spawnSync('/bin/sh', ['-c', 'test -r "$1" && test -w "$1" && test -x "$1"', 'sh', folder], { ...ids, cwd: '/' })
        .status === 0,
    canRun: (program) => spawnSync(program, ['--version'], { ...ids, cwd: '/' }).status === 0,
  }
}

/** Makes the account the owner of a file or folder. */
export function giveTo({ ids }: ServerAccount, path: string): void {
  if (ids.uid !== undefined && ids.gid !== undefined) chownSync(path, ids.uid, ids.gid)
}

function owner(cluster: string): { uid: number; gid: number } | undefined {
  const found = statSync(cluster, { throwIfNoEntry: false })
  return found === undefined || found.uid === 0 ? undefined : { uid: found.uid, gid: found.gid }
}

function unprivilegedIds(): { uid: number; gid: number } {
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0)
  const { uid, gid } = accounts.find(({ name }) => name === 'nobody') ?? accounts[0] ?? { uid: 65_534, gid: 65_534 }
  return { uid, gid }
}
