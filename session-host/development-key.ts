import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/** The key that encrypts credentials in development: made at the first start, kept in the git-ignored data folder so that phones stay linked. */
export function developmentKey(folder = join(import.meta.dirname, '..', '.data')): { id: string; key: Buffer } {
  const file = join(folder, 'auth-state-key')
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true })
    // Linked into place whole: two hosts may start at once, and both must read the same key.
    const draft = `${file}.${process.pid}`
    writeFileSync(draft, randomBytes(32).toString('base64'), { mode: 0o600 })
    try {
      linkSync(draft, file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    } finally {
      rmSync(draft)
    }
  }
  return { id: 'development', key: Buffer.from(readFileSync(file, 'utf8').trim(), 'base64') }
}
