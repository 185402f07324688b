import type { InboundBatch } from '#shared/inbound.ts'
import type { CredentialStore } from '../store/credentials.ts'
import type { AuthState } from '../whatsapp/auth-state.ts'
import { selfOf } from '../whatsapp/self.ts'
import { replayMessages, type ReplayedMessage } from '../whatsapp/inbox.ts'
import type { Logger } from '../whatsapp/logger.ts'
import { normaliseReplay, Undecodable } from '../whatsapp/normalise.ts'
import type { Quarantine } from './quarantine.ts'

/** What lies in a session's inbox and was not handed on, or could not be. */
export interface Leftovers {
  /**
   * What was decrypted but never handed on, before a crash or in the moment in which a connection ended, is stored before anything new
   * arrives. Returns what the next connection has to hand to Baileys.
   */
  replay(state: AuthState): Promise<ReplayedMessage[]>
  /** Keeps what could not be understood aside, if there is a plaintext: a message that could not be decrypted comes again. */
  keepUnreadable(state: AuthState, stanzaKey: string, error: unknown): Promise<void>
}

/** @see Leftovers. `project` stores a batch as any other. */
export function createLeftovers({
  credentials,
  quarantine,
  project,
  logger,
}: {
  credentials: CredentialStore
  quarantine: Quarantine
  project: (batch: InboundBatch) => Promise<void>
  logger: Logger
}): Leftovers {
  return {
    async replay(state) {
      const self = selfOf(state)
      const me = state.creds.me
      if (!self || !me) return []
      const left = await credentials.listInbox()
      if (left.length === 0) return []
      const messages = replayMessages(left, { id: me.id, lid: me.lid })
      const readable = new Set(messages.map((message) => message.stanzaKey))
      await quarantine.unreadable(
        left.filter((row) => !readable.has(row.stanzaKey)),
        'Undecodable',
      )
      const broken: { error: unknown; key: string }[] = []
      const batch = normaliseReplay(
        messages.filter((entry) => !entry.forDevice),
        self,
        (error, key) => broken.push({ error, key }),
      )
      for (const { error, key } of broken)
        await quarantine.unreadable(
          left.filter((row) => row.stanzaKey === key),
          nameOf(error),
        )
      if (batch) await project(batch)
      await quarantine.settle(left)
      logger.info({ messages: left.length }, 'messages decrypted before were taken from the inbox')
      return messages.filter((entry) => entry.forDevice)
    },
    async keepUnreadable(state, stanzaKey, error) {
      const { me } = state.creds
      const rows = (await credentials.listInbox()).filter((row) => row.stanzaKey === stanzaKey)
      if (!me || rows.length === 0) return
      const undecodable = error instanceof Undecodable
      const unread = rows.filter(
        (row) => !undecodable || replayMessages([row], { id: me.id, lid: me.lid }).length === 0,
      )
      await quarantine.unreadable(unread, nameOf(error))
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
