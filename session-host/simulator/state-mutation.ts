import type { proto } from '@whiskeysockets/baileys/WAProto/index.js'

/** The collections that settings are kept in. */
export type CollectionName = 'critical_block' | 'critical_unblock_low' | 'regular_high' | 'regular_low' | 'regular'

/** One setting: where it stands (`['archive', jid]`), what it is, and the version of its shape. */
export interface StateMutation {
  collection: CollectionName
  index: string[]
  value: proto.ISyncActionValue
  apiVersion: number
}
