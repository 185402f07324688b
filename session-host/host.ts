import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { createTokenVerifier } from '#shared/tokens.ts'
import { createApp } from '../edge-functions/api/app.ts'
import type { Config } from './config.ts'
import { createMetrics } from './http/metrics.ts'
import { createProcessWatch } from './http/process-watch.ts'
import { createWebServer } from './http/web-server.ts'
import { createMediaEraser, eraseMedia } from './media/media-eraser.ts'
import { createGuardedFetch } from './media/guarded-fetch.ts'
import { createMediaFetcher } from './media/media-fetcher.ts'
import { createMediaRemover } from './media/media-remover.ts'
import { createMediaSender } from './media/media-sender.ts'
import { createObjectStore } from './media/object-store.ts'
import { createSlots } from './media/slots.ts'
import { trustAuthority } from './media/trust-authority.ts'
import { createPublisher } from './realtime/publisher.ts'
import { createSocketServer } from './realtime/socket-server.ts'
import type { Session } from './sessions/session-options.ts'
import { createSession } from './sessions/session.ts'
import { createSupervisor } from './sessions/supervisor.ts'
import { createAcknowledger } from './store/acknowledger.ts'
import { createAnnouncer, eventChannel, readAnnouncement, wakeChannel } from './store/announcer.ts'
import { createBroadcaster } from './store/broadcaster.ts'
import { newestAcceptedRevision } from './store/client-version.ts'
import { createCommandStore } from './store/commands.ts'
import { createCredentialStore } from './store/credentials.ts'
import { createDatabase } from './store/database.ts'
import { createErasureStore } from './store/erasures.ts'
import { createEventReader } from './store/event-reader.ts'
import { createExpirer } from './store/expirer.ts'
import type { Lease } from './store/fenced.ts'
import { createHistoryStore } from './store/history-chunks.ts'
import { createGroupCommit } from './store/group-commit.ts'
import { readHostFacts } from './store/host-facts.ts'
import { assertKeysSuffice, hasOpenValues, resealOldValues } from './store/key-rotation.ts'
import { createLeaseStore } from './store/leases.ts'
import { createPairingCodes } from './store/pairing-codes.ts'
import { measureDatabase } from './store/measured-database.ts'
import { createProtoBox } from './store/message-protos.ts'
import { createProfilePictures } from './store/profile-pictures.ts'
import manifest from '../package.json' with { type: 'json' }
import { createQuarantineStore } from './store/quarantine.ts'
import { trimOldRows } from './store/retention.ts'
import { createSealedBox, type AuthStateKey } from './store/sealed-box.ts'
import { createMediaRemovals } from './store/media-removals.ts'
import { createMediaSends } from './store/media-sends.ts'
import { createMediaDownloads } from './store/media-downloads.ts'
import { createSendWatchdog } from './store/send-watchdog.ts'
import { createSessionStore } from './store/sessions.ts'
import { createSocketSlots, probeChannel } from './store/socket-slots.ts'
import { createUserRequests } from './store/user-requests.ts'
import { createHistoryReader } from './whatsapp/history-reader.ts'
import { createSentFinder } from './store/find-sent.ts'
import {
  ownPresenceChannel,
  presenceChannel,
  presenceTeller,
  readOwnPresence,
  readToldPresence,
} from './store/presence.ts'
import { findGroup } from './store/find-group.ts'
import { createClientVersions } from './whatsapp/client-version.ts'
import { useKeyObjects } from './whatsapp/key-objects.ts'
import type { Logger } from './whatsapp/logger.ts'
import { restoreSignatureVerification, trustRootCertificate } from './whatsapp/verify-signatures.ts'

export interface HostOptions {
  config: Config
  authStateKeys: AuthStateKey[]
  logger: Logger & { child(facts: object): Logger }
  /** Interface to listen on; every one by default, loopback in development. */
  hostname?: string
  timing?: Partial<HostTiming>
  /** Which addresses files may be fetched from that users name; those of the public internet by default. */
  isFetchable?: (address: string) => boolean
}

/** Times in ms unless named otherwise. */
export interface HostTiming {
  leaseSeconds: number
  scanMs: number
  ackTimeoutMs: number
  openTimeoutMs: number
  socketSeconds: number
  stableMs: number
  backoffMs: number
  pingAfterMs: number
  pongWithinMs: number
}

export interface Host extends AsyncDisposable {
  url: string
  port: number
}

const defaults: HostTiming = {
  leaseSeconds: 10,
  scanMs: 2_000,
  ackTimeoutMs: 30_000,
  openTimeoutMs: 60_000,
  socketSeconds: 12,
  stableMs: 10_000,
  backoffMs: 500,
  pingAfterMs: 10_000,
  pongWithinMs: 5_000,
}
/** Live connections a user, across hosts. */
const connectionLimit = 5
/** Decrypted keys in memory, for all sessions together. */
const cachedKeys = 50_000
/** Files that are fetched or sent at once, for all sessions together. */
const mediaAtOnce = 4
const trimMs = 3_600_000
/** Disappearing messages are looked for this often. */
const expireMs = 2_000
const versionMs = 86_400_000

/** Composes the host from its rooms and starts it. Dispose of it to hand the sessions over and stop. */
export async function createHost({
  config,
  authStateKeys,
  logger,
  hostname,
  timing,
  isFetchable,
}: HostOptions): Promise<Host> {
  const times = { ...defaults, ...timing }
  const { leaseSeconds, scanMs, ackTimeoutMs, openTimeoutMs, socketSeconds, stableMs } = times
  const holder = randomUUID()
  restoreSignatureVerification()
  useKeyObjects()
  if (config.whatsapp.rootCertKey) trustRootCertificate(config.whatsapp.rootCertKey)
  if (config.whatsapp.mediaCaCert) trustAuthority(config.whatsapp.mediaCaCert)

  await using disposables = new AsyncDisposableStack()
  const watch = disposables.use(createProcessWatch({ logger }))
  const metrics = createMetrics({
    token: config.metricsToken,
    facts: () => readHostFacts(database),
    running: () => supervisor.running.size,
    eventLoopDelay: () => watch.eventLoopDelay(),
  })
  const pool = disposables.use(
    createDatabase({
      url: config.databaseUrl,
      maxConnections: 10,
      onError: (error) => logger.warn({ error: error.message }, 'database connection lost'),
    }),
  )
  const database = measureDatabase(pool, metrics.database)
  await database.query('select 1 from public.whatsapp_sessions limit 1')

  await assertKeysSuffice(database, authStateKeys)
  const box = createSealedBox(authStateKeys)
  const leases = createLeaseStore(database, { holder, seconds: leaseSeconds })
  const protos = createProtoBox(box)
  const groupCommit = createGroupCommit(database, { holder, protos })
  const acknowledger = createAcknowledger(database, { holder })
  const slots = createSocketSlots(database, { holder, limit: connectionLimit, seconds: socketSeconds })
  const requests = createUserRequests(database, onAsked)
  const publisher = createPublisher({ reader: createEventReader(database), logger })
  const verifyToken = createTokenVerifier(config.tokens)
  const versions = createClientVersions({
    accepted: () => newestAcceptedRevision(database),
    url: config.whatsapp.versionUrl,
    logger,
  })
  await versions.load()
  const keyCache = new LRUCache<string, object>({ max: cachedKeys })

  const http = createWebServer({
    api: createApp({
      supabaseUrl: config.supabaseUrl,
      publishableKey: config.publishableKey,
      verifyToken,
      corsOrigins: config.corsOrigins,
      onFailure: (failure) => logger.error({ ...failure }, 'a request failed'),
    }),
    consoleConfig: {
      supabaseUrl: config.supabaseUrl,
      publishableKey: config.publishableKey,
      // A server on loopback that stands in for WhatsApp has its controls on the same port.
      simulatorUrl: config.whatsapp.simulated ? new URL(config.whatsapp.endpoint.replace(/^ws/, 'http')).origin : null,
    },
    consoleFolder: join(import.meta.dirname, 'console', 'dist'),
    warnings: () => watch.warnings(),
    metrics: metrics.route,
    isReady: () =>
      database.query('select 1').then(
        () => true,
        () => false,
      ),
  })
  disposables.defer(() => {
    http.closeAllConnections()
    return new Promise<void>((resolve) => http.close(() => resolve()))
  })
  const sockets = disposables.use(
    createSocketServer({
      http,
      verifyToken,
      publisher,
      requests,
      slots,
      corsOrigins: config.corsOrigins,
      renewMs: (socketSeconds * 1_000) / 3,
      logger,
    }),
  )

  const historyReader = disposables.use(
    createHistoryReader({
      // A server on loopback that stands in for WhatsApp serves its files, too.
      origin: config.whatsapp.simulated
        ? new URL(config.whatsapp.endpoint.replace(/^ws/, 'http')).origin
        : 'https://mmg.whatsapp.net',
    }),
  )
  const announcer = disposables.use(createAnnouncer(database, holder, logger))
  const broadcaster = disposables.use(createBroadcaster(database, logger))
  const objects =
    config.serviceKey === null
      ? null
      : createObjectStore({ supabaseUrl: config.supabaseUrl, serviceKey: config.serviceKey })
  const mediaSlots = createSlots(mediaAtOnce)
  const web = disposables.use(
    createGuardedFetch({ maxBytes: config.media.maxBytes, ...(isFetchable ? { isAllowed: isFetchable } : {}) }),
  )
  function startSession(lease: Lease): Session {
    const sessionLogger = logger.child({ session: lease.sessionId, epoch: lease.epoch })
    return createSession({
      lease,
      media:
        objects &&
        ((access) => ({
          ...createMediaSender({
            userId: lease.userId,
            sends: createMediaSends(database, lease, protos),
            objects,
            web,
            maxBytes: config.media.maxBytes,
            slots: mediaSlots,
          }),
          ...createMediaFetcher({
            userId: lease.userId,
            downloads: createMediaDownloads(database, lease, protos),
            objects,
            access,
            eager: config.media.download === 'eager',
            maxBytes: config.media.maxBytes,
            slots: mediaSlots,
            onChange: () => onChange(lease.sessionId),
            logger: sessionLogger,
          }),
        })),
      store: {
        sessions: createSessionStore(database, box, lease, leaseSeconds),
        pairingCodes: createPairingCodes(database, lease),
        credentials: createCredentialStore(database, box, lease, groupCommit.keys),
        pictures: createProfilePictures(database, lease),
        projection: groupCommit.forLease(lease),
        quarantine: createQuarantineStore(database, lease, manifest.version),
        commands: createCommandStore(database, lease, acknowledger, protos),
        history: createHistoryStore(database, box, lease),
        findSent: createSentFinder(database, lease, protos),
        findGroup: findGroup(database, lease),
        tellPresence: presenceTeller(database, lease),
      },
      whatsapp: {
        endpoint: config.whatsapp.endpoint,
        linkTimeoutMs: config.whatsapp.linkTimeoutMs,
        linkRetries: config.whatsapp.linkRetries,
        ackTimeoutMs,
        pacing: config.whatsapp.pacing,
        sendDeadlineMs: config.whatsapp.sendDeadlineMs,
        openTimeoutMs,
        stableMs,
        backoffMs: times.backoffMs,
        liveness: { pingAfterMs: times.pingAfterMs, pongWithinMs: times.pongWithinMs },
      },
      versions,
      measures: metrics.sessions,
      keyCache,
      historyReader,
      logger: sessionLogger,
      onChange,
    })
  }
  /** A user has asked for something here; another host may be the one to do it. */
  function onAsked(sessionId: string): void {
    supervisor.wake(sessionId)
    onChange(sessionId)
    if (!supervisor.running.has(sessionId))
      database.query('select private.wake_hosts($1)', [sessionId]).catch((error: unknown) => {
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'other hosts could not be woken')
      })
  }
  function onChange(sessionId: string): void {
    publisher.wake(sessionId)
    announcer.announce(sessionId)
    broadcaster.wake(sessionId)
  }
  const eraser =
    config.serviceKey === null
      ? null
      : disposables.use(
          createMediaEraser({
            supabaseUrl: config.supabaseUrl,
            serviceKey: config.serviceKey,
            erasures: createErasureStore(database),
            logger,
          }),
        )
  disposables.use(
    createExpirer(database, {
      everyMs: expireMs,
      onChange(sessionId) {
        publisher.wake(sessionId)
        announcer.announce(sessionId)
      },
      onError: (error) =>
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'messages could not be expired'),
    }),
  )
  disposables.use(
    createSendWatchdog(database, {
      deadlineMs: config.whatsapp.sendDeadlineMs,
      onChange(sessionId) {
        publisher.wake(sessionId)
        announcer.announce(sessionId)
      },
      onError: (error) =>
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'late messages could not be failed'),
    }),
  )
  const remover =
    objects && disposables.use(createMediaRemover({ removals: createMediaRemovals(database), objects, logger }))
  const supervisor = disposables.use(createSupervisor({ leases, leaseSeconds, scanMs, startSession, logger }))

  disposables.use(
    await database.listen(wakeChannel, (payload) => {
      if (payload === null) {
        supervisor.wakeAll()
        eraser?.wake()
        remover?.wake()
        broadcaster.wakeAll()
        return publisher.wakeAll()
      }
      if (payload === eraseMedia) {
        remover?.wake()
        return eraser?.wake()
      }
      supervisor.wake(payload)
      publisher.wake(payload)
      broadcaster.wake(payload)
    }),
  )
  disposables.use(
    await database.listen(eventChannel, (payload) => {
      if (payload === null) return publisher.wakeAll()
      for (const sessionId of readAnnouncement(payload, holder)) publisher.wake(sessionId)
    }),
  )
  disposables.use(
    await database.listen(ownPresenceChannel, (payload) => {
      const wanted = payload === null ? null : readOwnPresence(payload)
      if (wanted) supervisor.running.get(wanted.session_id)?.showPresence(wanted.state, wanted.chat)
    }),
  )
  disposables.use(
    await database.listen(presenceChannel, (payload) => {
      const told = payload === null ? null : readToldPresence(payload)
      if (told) publisher.showPresence(told.user_id, told.presence)
    }),
  )
  disposables.use(await database.listen(probeChannel, (userId) => userId !== null && sockets.probe(userId)))
  // Notifications may be lost with a connection: nobody waits for the next one.
  const rotationEnd = new AbortController()
  let rotation: Promise<unknown> = Promise.resolve()
  disposables.defer(async () => {
    rotationEnd.abort()
    await rotation
  })
  const sweeps = [
    setInterval(() => publisher.wakeAll(), 5_000),
    setInterval(() => broadcaster.wakeAll(), 5_000),
    setInterval(() => supervisor.wakeAll(), 30_000),
    setInterval(trim, trimMs),
    setInterval(learnVersion, versionMs),
    setInterval(rotateKeys, trimMs),
  ]
  disposables.defer(() => sweeps.forEach((sweep) => clearInterval(sweep)))
  trim()
  learnVersion()
  rotateKeys()

  /** With a new key in front, what older ones have sealed is sealed anew; also what other hosts wrote with an older one, or open. */
  function rotateKeys(): void {
    const [key, ...older] = authStateKeys
    if (!key) return
    rotation = rotation
      .then(async () => {
        if (older.length > 0 || (await hasOpenValues(database)))
          await resealOldValues({ database, box, key, logger, signal: rotationEnd.signal })
      })
      .catch((error: unknown) => {
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'keys could not be rotated')
      })
  }

  /** WhatsApp refuses old versions one day; a simulator says so when it does. */
  function learnVersion(): void {
    if (!config.whatsapp.simulated) void versions.learn()
  }

  /** Events, keys and finished commands are kept for a time only; any number of hosts may trim at once. */
  function trim(): void {
    trimOldRows(database).catch((error: unknown) => {
      logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'old rows could not be trimmed')
    })
  }

  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(config.port, hostname, resolve)
  })
  const { port } = http.address() as AddressInfo
  const running = disposables.move()
  return { url: `http://localhost:${port}`, port, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

export { MissingKeys } from './store/key-rotation.ts'
export { silenceLibsignal } from './whatsapp/silence-libsignal.ts'
