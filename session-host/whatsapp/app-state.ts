import type { LTHashState, SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '@whiskeysockets/baileys'
import { emptyBatch, type InboundBatch, type InboundState } from '#shared/inbound.ts'
import { readSyncAction, type SyncAction } from './sync-actions.ts'

export interface AppStateOptions {
  keys: SignalKeyStore
  /** Resolves when what came before was handed on. */
  handedOn: () => Promise<void>
  /** Resolves to whether the batch was stored, and all before it. */
  onBatch: (batch: InboundBatch) => Promise<boolean>
  onFailure: (error: unknown) => void
}

export interface AppState {
  /** The key store for Baileys. */
  keys: SignalKeyStore
  /** Takes a mutation that Baileys has verified and applied. */
  onAction(action: SyncAction): void
}

const versionType = 'app-state-sync-version'

/**
 * Stores what app-state mutations say, and only then how far the account's collections were read. Baileys keeps the new version of a
 * collection before anybody has seen its mutations; a host that died in between would never ask for them again. Here versions wait in
 * memory until what came with them is stored: after a crash the same patches are fetched once more, and say the same.
 */
export function createAppState({ keys, handedOn, onBatch, onFailure }: AppStateOptions): AppState {
  const states: InboundState[] = []
  const versions = new Map<string, LTHashState | null>()
  let settling = false

  async function settle(): Promise<void> {
    if (settling) return
    settling = true
    try {
      while (states.length > 0 || versions.size > 0) {
        await handedOn()
        const held = new Map(versions)
        // What is not stored comes again with the next connection, from the version that is stored.
        if (!(await onBatch({ ...emptyBatch(), states: states.splice(0) }))) return
        if (held.size > 0) await keys.set({ [versionType]: Object.fromEntries(held) })
        for (const [name, version] of held) if (versions.get(name) === version) versions.delete(name)
      }
    } finally {
      settling = false
    }
  }

  return {
    keys: {
      ...keys,
      async get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
        if (type !== versionType || versions.size === 0) return keys.get(type, ids)
        const found = await keys.get(
          type,
          ids.filter((id) => !versions.has(id)),
        )
        for (const id of ids) {
          const version = versions.get(id)
          if (version) found[id] = version as SignalDataTypeMap[T]
        }
        return found
      },
      async set(data: SignalDataSet) {
        const { [versionType]: held, ...rest } = data
        if (Object.keys(rest).length > 0) await keys.set(rest)
        if (!held) return
        for (const [name, version] of Object.entries(held)) versions.set(name, version)
        settle().catch(onFailure)
      },
    },
    onAction(action) {
      const state = readSyncAction(action)
      if (!state) return
      states.push(state)
      settle().catch(onFailure)
    },
  }
}
