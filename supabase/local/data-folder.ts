import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** Thrown when another living process holds the data folder. */
export class DataFolderInUse extends Error {
  readonly code = 'data_folder_in_use'
  constructor(folder: string, pid: number) {
    super(`The data folder ${folder} is in use by process ${pid}. Stop it first, or give another folder.`)
  }
}

interface Holder {
  pid: number
  /** When the process started, as the system says: a pid alone may have been given to another process since. */
  started: string
}

/** Takes a data folder for this process. A holder that died without giving it back does not count. */
export function holdDataFolder(folder: string): Disposable {
  const file = join(folder, 'holder.json')
  const mine = JSON.stringify({ pid: process.pid, started: processStarted(process.pid) ?? '' } satisfies Holder)
  while (!createExclusively(file, mine)) {
    const holder = readHolder(file)
    if (holder && processStarted(holder.pid) === holder.started) throw new DataFolderInUse(folder, holder.pid)
    discard(file)
  }
  return {
    [Symbol.dispose]() {
      rmSync(file, { force: true })
    },
  }
}

/** The start time of a living process in the system's own format, `undefined` when there is no such process. */
export function processStarted(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}

function createExclusively(file: string, content: string): boolean {
  try {
    const descriptor = openSync(file, 'wx', 0o600)
    writeSync(descriptor, content)
    closeSync(descriptor)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined
  }
}

/** Renames before it removes, so that of two processes that find the same stale file only one removes it. */
function discard(file: string): void {
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
    rmSync(aside, { force: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
