import {
  BufferJSON,
  initAuthCreds,
  proto,
  type AuthenticationCreds,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStore,
} from '@whiskeysockets/baileys'

/** Baileys' credentials and keys in memory, as plain JSON, the way a store would keep them. */
export interface MemoryAuth {
  state: { creds: AuthenticationCreds; keys: SignalKeyStore }
}

export function createMemoryAuth(): MemoryAuth {
  const rows = new Map<string, string>()
  return {
    state: {
      creds: initAuthCreds(),
      keys: {
        get<T extends keyof SignalDataTypeMap>(type: T, ids: string[]) {
          const found: { [id: string]: SignalDataTypeMap[T] } = {}
          for (const id of ids) {
            const row = rows.get(`${type}/${id}`)
            if (row === undefined) continue
            const value: unknown = JSON.parse(row, BufferJSON.reviver)
            found[id] = (
              type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value as object) : value
            ) as SignalDataTypeMap[T]
          }
          return found
        },
        set(data: SignalDataSet) {
          for (const [type, entries] of Object.entries(data)) {
            for (const [id, value] of Object.entries(entries ?? {})) {
              if (value === null || value === undefined) rows.delete(`${type}/${id}`)
              else rows.set(`${type}/${id}`, JSON.stringify(value, BufferJSON.replacer))
            }
          }
        },
      },
    },
  }
}
