import type { OwnPresence } from '#shared/presence.ts'
import type { CommandStore } from '../store/commands.ts'
import type { CredentialStore } from '../store/credentials.ts'
import type { Lease } from '../store/fenced.ts'
import type { HistoryStore } from '../store/history-chunks.ts'
import type { PairingCodes } from '../store/pairing-codes.ts'
import type { ProfilePictures } from '../store/profile-pictures.ts'
import type { Projection } from '../store/projection.ts'
import type { QuarantineStore } from '../store/quarantine.ts'
import type { SessionStore } from '../store/sessions.ts'
import type { KeyCache } from '../whatsapp/auth-state.ts'
import type { ClientVersions } from '../whatsapp/client-version.ts'
import type { KnownGroup } from '../whatsapp/group-directory.ts'
import type { HistoryReader } from '../whatsapp/history-reader.ts'
import type { LivenessTiming } from '../whatsapp/liveness.ts'
import type { Logger } from '../whatsapp/logger.ts'
import type { SeenPresence } from '../whatsapp/presence.ts'
import type { Sent } from '../whatsapp/rebuild.ts'
import type { SessionMeasures } from './measures.ts'
import type { PacingRules } from './pacing.ts'
import type { CreateSessionMedia } from './session-media.ts'

/** What a session is made of. */
export interface SessionOptions {
  lease: Lease
  store: {
    sessions: SessionStore
    pairingCodes: PairingCodes
    pictures: ProfilePictures
    credentials: CredentialStore
    projection: Projection
    quarantine: QuarantineStore
    commands: CommandStore
    history: HistoryStore
    /** A message of the account's own, for retry requests. */
    findSent: (waId: string) => Promise<Sent | null>
    /** A group's members, when all are known: sends ask WhatsApp otherwise. */
    findGroup: (jid: string) => Promise<KnownGroup | null>
    tellPresence: (seen: SeenPresence) => Promise<void>
  }
  whatsapp: {
    endpoint: string
    linkTimeoutMs: number
    linkRetries: number
    ackTimeoutMs: number
    pacing: PacingRules
    sendDeadlineMs: number
    openTimeoutMs: number
    /** A connection that stays open this long has put its troubles behind it, in ms. */
    stableMs: number
    /** The longest that the first pause before a new connection can be, in ms; it doubles with each failure. */
    backoffMs: number
    liveness: LivenessTiming
  }
  /** null where no file can be kept. */
  media: CreateSessionMedia | null
  versions: ClientVersions
  measures: SessionMeasures
  keyCache: KeyCache
  /** Reads chunks of history; one for all sessions of the host. */
  historyReader: HistoryReader
  logger: Logger
  /** Rows or events of a session changed: tell whoever publishes them. */
  onChange: (sessionId: string) => void
}

/** One linked account, or one being linked, while this host holds its lease. */
export interface Session {
  readonly lease: Lease
  /** Something changed in the database: a command, or what the owner wants. */
  wake(): void
  /** The owner types, is online or wants to know who is. Without a connection it is lost. */
  showPresence(state: OwnPresence, chat: string | null): void
  /** Resolves when the session has ended, by itself or by stop(). */
  readonly ended: Promise<void>
  /** Ends it. `fenced` writes nothing more, because the lease is lost. */
  stop(how: 'graceful' | 'fenced'): Promise<void>
}
