import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ServerState } from './state.ts'

/** Keeps the server's state in one file of a folder; without a folder it keeps nothing. */
export interface StateFile {
  /** What an earlier run left, if anything. */
  load(): ServerState | undefined
  /** Asks for a save soon (at most `SAVE_DELAY_MS` later). */
  changed(): void
  /** A last save; later changes are not kept. */
  close(): void
}

/** Written as a whole to a second file that then replaces the first, so a crash leaves the old or the new state. A save that fails is reported and tried again at the next change. */
export function createStateFile(
  folder: string | undefined,
  state: () => ServerState,
  report: (error: unknown) => void,
): StateFile {
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    if (folder === undefined) return
    const path = join(folder, FILE)
    writeFileSync(`${path}.new`, encodeState(state()), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  return {
    load() {
      if (folder === undefined) return undefined
      mkdirSync(folder, { recursive: true })
      try {
        return decodeState(readFileSync(join(folder, FILE), 'utf8'))
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
        throw new Error(`cannot read ${join(folder, FILE)}: ${String(error)}`, { cause: error })
      }
    },
    changed() {
      if (folder === undefined || closed) return
      timer ??= setTimeout(() => {
        try {
          flush()
        } catch (error) {
          report(error)
        }
      }, SAVE_DELAY_MS)
    },
    close() {
      if (closed) return
      closed = true
      flush()
    },
  }
}

const FILE = 'simulator-state.json'
const SAVE_DELAY_MS = 150

/** JSON with byte fields as `{"$bytes": base64}`. */
export function encodeState(state: ServerState): string {
  return JSON.stringify(state, function (this: Record<string, unknown>, key: string, value: unknown): unknown {
    const raw = this[key]
    return raw instanceof Uint8Array ? { $bytes: Buffer.from(raw).toString('base64') } : value
  })
}

/** @throws when the text is not a state of this version */
export function decodeState(text: string): ServerState {
  const state: unknown = JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === 'object' && value !== null && '$bytes' in value && typeof value.$bytes === 'string') {
      return Buffer.from(value.$bytes, 'base64')
    }
    return value
  })
  if (!isState(state)) throw new Error('not a state of this simulator version')
  return state
}

function isState(value: unknown): value is ServerState {
  return typeof value === 'object' && value !== null && 'version' in value && value.version === 1 && 'people' in value
}
