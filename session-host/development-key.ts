import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The key that encrypts credentials in development: made at the first start, kept in the git-ignored data folder so that phones stay linked. */
export function developmentKey(folder = join(import.meta.dirname, '..', '.data')): { id: string; key: Buffer } {
  const file = join(folder, 'auth-state-key')
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(file, randomBytes(32).toString('base64'), { mode: 0o600, flag: 'wx' })
  }
  return { id: 'development', key: Buffer.from(readFileSync(file, 'utf8').trim(), 'base64') }
}
