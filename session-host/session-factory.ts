import { LRUCache } from 'lru-cache'
import type { Config } from './config.ts'
import type { HostTiming } from './host-timing.ts'
import type { GuardedFetch } from './media/guarded-fetch.ts'
import { createMediaFetcher } from './media/media-fetcher.ts'
import { createMediaSender } from './media/media-sender.ts'
import type { ObjectStore } from './media/object-store.ts'
import { createSlots } from './media/slots.ts'
import type { SessionMeasures } from './sessions/measures.ts'
import type { CreateSessionMedia } from './sessions/session-media.ts'
import type { Session } from './sessions/session-options.ts'
import { createSession } from './sessions/session.ts'
import { createClaimer } from './store/claimer.ts'
import { createCommandStore } from './store/commands.ts'
import { createCredentialStore } from './store/credentials.ts'
import type { Database } from './store/database.ts'
import type { Lease } from './store/fenced.ts'
import { findGroup } from './store/find-group.ts'
import { createSentFinder } from './store/find-sent.ts'
import { createGroupCommit } from './store/group-commit.ts'
import { createHistoryStore } from './store/history-chunks.ts'
import { createMediaDownloads } from './store/media-downloads.ts'
import { createMediaSends } from './store/media-sends.ts'
import { createProtoBox } from './store/message-protos.ts'
import { createPairingCodes } from './store/pairing-codes.ts'
import { presenceTeller } from './store/presence.ts'
import { createProfilePictures } from './store/profile-pictures.ts'
import { createQuarantineStore } from './store/quarantine.ts'
import type { SealedBox } from './store/sealed-box.ts'
import { createSessionStore } from './store/sessions.ts'
import type { ClientVersions } from './whatsapp/client-version.ts'
import type { HistoryReader } from './whatsapp/history-reader.ts'
import type { Logger } from './whatsapp/logger.ts'
import manifest from '../package.json' with { type: 'json' }

export interface SessionFactoryOptions {
  config: Config
  times: HostTiming
  holder: string
  database: Database
  box: SealedBox
  /** null where no file can be kept. */
  objects: ObjectStore | null
  web: GuardedFetch
  versions: ClientVersions
  historyReader: HistoryReader
  measures: SessionMeasures
  logger: Logger & { child(facts: object): Logger }
  onChange: (sessionId: string) => void
}

/** Decrypted keys in memory, for all sessions together. */
const cachedKeys = 50_000
/** Files that are fetched or sent at once, for all sessions together. */
const mediaAtOnce = 4

/** Makes the sessions of a host, of what they share and of a store that is bound to the lease of each. */
export function createSessionFactory(options: SessionFactoryOptions): (lease: Lease) => Session {
  const { config, times, holder, database, box, objects, web, measures, onChange } = options
  const protos = createProtoBox(box)
  const groupCommit = createGroupCommit(database, { holder, protos })
  const claimer = createClaimer(database, { holder, protos })
  const keyCache = new LRUCache<string, object>({ max: cachedKeys })
  const slots = createSlots(mediaAtOnce)
  const { maxBytes, download } = config.media

  function mediaOf(lease: Lease, logger: Logger): CreateSessionMedia | null {
    if (!objects) return null
    return (access) => ({
      ...createMediaSender({
        userId: lease.userId,
        sends: createMediaSends(database, lease, protos),
        objects,
        web,
        maxBytes,
        slots,
      }),
      ...createMediaFetcher({
        userId: lease.userId,
        downloads: createMediaDownloads(database, lease, protos),
        objects,
        access,
        eager: download === 'eager',
        maxBytes,
        slots,
        onChange: () => onChange(lease.sessionId),
        logger,
      }),
    })
  }

  return (lease) => {
    const logger = options.logger.child({ session: lease.sessionId, epoch: lease.epoch })
    return createSession({
      lease,
      media: mediaOf(lease, logger),
      store: {
        sessions: createSessionStore(database, box, lease, times.leaseSeconds),
        pairingCodes: createPairingCodes(database, lease),
        credentials: createCredentialStore(database, box, lease, groupCommit.keys),
        pictures: createProfilePictures(database, lease),
        projection: groupCommit.forLease(lease),
        quarantine: createQuarantineStore(database, lease, manifest.version),
        commands: createCommandStore(database, lease, protos, claimer),
        history: createHistoryStore(database, box, lease),
        findSent: createSentFinder(database, lease, protos),
        findGroup: findGroup(database, lease),
        tellPresence: presenceTeller(database, lease),
      },
      whatsapp: {
        endpoint: config.whatsapp.endpoint,
        linkTimeoutMs: config.whatsapp.linkTimeoutMs,
        linkRetries: config.whatsapp.linkRetries,
        ackTimeoutMs: times.ackTimeoutMs,
        pacing: config.whatsapp.pacing,
        sendDeadlineMs: config.whatsapp.sendDeadlineMs,
        openTimeoutMs: times.openTimeoutMs,
        stableMs: times.stableMs,
        backoffMs: times.backoffMs,
        liveness: { pingAfterMs: times.pingAfterMs, pongWithinMs: times.pongWithinMs },
      },
      versions: options.versions,
      measures,
      keyCache,
      historyReader: options.historyReader,
      logger,
      onChange,
    })
  }
}
