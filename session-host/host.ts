import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createTokenVerifier } from '#shared/tokens.ts'
import { createApp } from '../edge-functions/api/app.ts'
import type { Config } from './config.ts'
import { defaultTiming, type HostTiming } from './host-timing.ts'
import { createMetrics } from './http/metrics.ts'
import { createProcessWatch } from './http/process-watch.ts'
import { createWebServer } from './http/web-server.ts'
import { createGuardedFetch } from './media/guarded-fetch.ts'
import { createMediaEraser } from './media/media-eraser.ts'
import { createMediaRemover } from './media/media-remover.ts'
import { createObjectStore } from './media/object-store.ts'
import { trustAuthority } from './media/trust-authority.ts'
import { listenForNotifications } from './notifications.ts'
import { createPublisher } from './realtime/publisher.ts'
import { createSocketServer } from './realtime/socket-server.ts'
import { createSessionFactory } from './session-factory.ts'
import { createSupervisor } from './sessions/supervisor.ts'
import { createAnnouncer } from './store/announcer.ts'
import { createBroadcaster } from './store/broadcaster.ts'
import { newestAcceptedRevision } from './store/client-version.ts'
import { createDatabase } from './store/database.ts'
import { createErasureStore } from './store/erasures.ts'
import { createEventReader } from './store/event-reader.ts'
import { readHostFacts } from './store/host-facts.ts'
import { assertKeysSuffice } from './store/key-rotation.ts'
import { createLeaseStore } from './store/leases.ts'
import { measureDatabase } from './store/measured-database.ts'
import { createMediaRemovals } from './store/media-removals.ts'
import { createSealedBox, type AuthStateKey } from './store/sealed-box.ts'
import { createSocketSlots } from './store/socket-slots.ts'
import { createUserRequests } from './store/user-requests.ts'
import { startSweeps } from './sweeps.ts'
import { createClientVersions } from './whatsapp/client-version.ts'
import { createHistoryReader } from './whatsapp/history-reader.ts'
import { useKeyObjects } from './whatsapp/key-objects.ts'
import type { Logger } from './whatsapp/logger.ts'
import { undoFailedDecrypts } from './whatsapp/undo-failed-decrypts.ts'
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

export interface Host extends AsyncDisposable {
  url: string
  port: number
}

/** Live connections a user, across hosts. */
const connectionLimit = 5

/** Composes the host from its rooms and starts it. Dispose of it to hand the sessions over and stop. */
export async function createHost({
  config,
  authStateKeys,
  logger,
  hostname,
  timing,
  isFetchable,
}: HostOptions): Promise<Host> {
  const times = { ...defaultTiming, ...timing }
  const { leaseSeconds, scanMs, socketSeconds } = times
  const holder = randomUUID()
  restoreSignatureVerification()
  useKeyObjects()
  undoFailedDecrypts()
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
  // Leases are renewed on connections of their own: writers that wait for somebody's lock must not cost the host all its sessions.
  const forLeases = disposables.use(
    createDatabase({
      url: config.databaseUrl,
      maxConnections: 2,
      statementSeconds: Math.max(5, leaseSeconds),
      onError: (error) => logger.warn({ error: error.message }, 'database connection lost'),
    }),
  )
  const leases = createLeaseStore(measureDatabase(forLeases, metrics.database), { holder, seconds: leaseSeconds })
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
  const web = disposables.use(
    createGuardedFetch({ maxBytes: config.media.maxBytes, ...(isFetchable ? { isAllowed: isFetchable } : {}) }),
  )
  const startSession = createSessionFactory({
    config,
    times,
    holder,
    database,
    box,
    objects,
    web,
    versions,
    historyReader,
    measures: metrics.sessions,
    logger,
    onChange,
  })
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
  const remover =
    objects && disposables.use(createMediaRemover({ removals: createMediaRemovals(database), objects, logger }))
  const supervisor = disposables.use(createSupervisor({ leases, leaseSeconds, scanMs, startSession, logger }))

  disposables.use(
    await listenForNotifications({
      database,
      holder,
      supervisor,
      publisher,
      broadcaster,
      sockets,
      eraser,
      remover,
    }),
  )
  disposables.use(
    startSweeps({
      database,
      box,
      authStateKeys,
      publisher,
      broadcaster,
      supervisor,
      // A simulator says when it refuses one.
      versions: config.whatsapp.simulated ? null : versions,
      sendDeadlineMs: config.whatsapp.sendDeadlineMs,
      logger,
      onChange,
    }),
  )

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
