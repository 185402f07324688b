import { emptyBatch } from '#shared/inbound.ts'
import type { OwnPresence } from '#shared/presence.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { StatusChange } from '../store/sessions.ts'
import { createAuthState, type AuthState } from '../whatsapp/auth-state.ts'
import type { Close } from '../whatsapp/close.ts'
import type { Connection, ConnectionHandlers } from '../whatsapp/connection-options.ts'
import { createConnection } from '../whatsapp/connection.ts'
import { createInbox } from '../whatsapp/inbox.ts'
import { pairingCodeMs } from '../whatsapp/pairing.ts'
import { peopleOfMappings } from '../whatsapp/people-notices.ts'
import { createRetryCounter } from '../whatsapp/retry-counter.ts'
import { accountOf, selfOf, type Account } from '../whatsapp/self.ts'
import { createAfterClose } from './after-close.ts'
import { createBackoff } from './backoff.ts'
import { readBlockList } from './block-list.ts'
import { createLinking } from './linking.ts'
import { createOwnerWishes } from './owner-wishes.ts'
import { createPairingAttempt } from './pairing-attempt.ts'
import { whenReachable, type Patience } from './project-safely.ts'
import { createRestrictions } from './restrictions.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { Session, SessionOptions } from './session-options.ts'
import { createSessionSteps } from './session-steps.ts'
import { createSessionWork } from './session-work.ts'

const mappingsAtOnce = 250
/** A session that stops gives a database that is away this many more tries; what was decrypted is in the inbox then. */
const triesWhileStopping = 3

/**
 * The session's state machine. Everything that WhatsApp says goes through one queue: batches, acknowledgements, QRs, the end of a
 * connection. So they are stored in the order in which they came, and a reaction never overtakes what led to it.
 */
export function createSession(options: SessionOptions): Session {
  const { lease, store, whatsapp, versions, measures, keyCache, logger, onChange } = options
  const queue = createSerialQueue()
  const retries = createRetryCounter()
  const linking = createLinking({
    sessions: store.sessions,
    timeoutMs: whatsapp.linkTimeoutMs,
    maxRetries: whatsapp.linkRetries,
  })
  const pairing = createPairingAttempt({ codes: store.pairingCodes, deadline: () => linking.deadline() })
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<void>()
  let auth: AuthState | undefined
  let connection: Connection | undefined
  let open = false
  let stopping: Promise<void> | undefined
  let fencedOut = false
  const backoff = createBackoff(whatsapp.backoffMs)
  const restrictions = createRestrictions(store.sessions, (kind) => {
    void steps.control(() => restrictions.note({ kind, active: false, until: null }))
  })
  let version = versions.current()
  // WhatsApp tells of changes; once a session's life all groups are asked for.
  let groupsRead = false
  let stableTimer: NodeJS.Timeout | undefined
  const patience: Patience = {
    logger,
    givesUp: (attempt) => fencedOut || (stopping !== undefined && attempt >= triesWhileStopping),
  }
  const afterClose = createAfterClose({
    sessions: store.sessions,
    commands: store.commands,
    backoff,
    restrictions,
    linking,
    measures,
    logger,
    become,
    connect,
    connectLater: (state) => void steps.control(() => connect(state)),
    refreshVersion: () => versions.refresh(version),
    end,
  })
  const work = createSessionWork({
    ...options,
    createMedia: options.media,
    auth: () => auth,
    connection: () => (open && connection) || null,
    restrictions,
    patience,
    onLogout: () => afterClose.logoutRequested(),
    onNoCommand: () => wishes.wasNoCommand(),
    onFatal: () => void stop('fenced'),
  })
  const steps = createSessionSteps({
    queue,
    state: () => (fencedOut ? 'fenced' : stopping ? 'stopping' : 'running'),
    project: (batch, committed) => work.project(batch, committed),
    onDone: () => onChange(lease.sessionId),
    onFailure: (error) => void stop(isLeaseLost(error) ? 'fenced' : 'graceful'),
    logger,
  })
  const wishes = createOwnerWishes(() => {
    work.media?.wake()
    queue.add(look).catch(() => undefined)
  })

  async function begin(): Promise<void> {
    auth = await createAuthState(store.credentials, {
      sessionId: lease.sessionId,
      cache: keyCache,
      onFatal: storageFailed,
      onMappings: learnMappings,
    })
    const self = selfOf(auth)
    const row = await store.sessions.read()
    backoff.restore(row?.retry_count ?? 0)
    restrictions.restore(row?.restriction ?? null, row?.restricted_until ?? null)
    // A host that died between the scan and its record has the account in its credentials only.
    if (self && !row?.linked_at) await completeLinking(auth, accountOf(self))
    if (stopping) return
    await work.quarantine.retry()
    // The host before was waiting; a restart is no reason to insist.
    if (self && row?.status === 'reconnecting' && row.retry_in_ms)
      return afterClose.reconnectLater(auth, row.retry_in_ms)
    await connect(auth)
  }

  async function connect(state: AuthState): Promise<void> {
    state.forgetUnfinishedPairing()
    const linked = selfOf(state) !== null
    // While it fails, the row says since when and why.
    if (!linked || backoff.count === 0) await become({ status: linked ? 'connecting' : 'linking' })
    onChange(lease.sessionId)
    if (!linked) await pairing.begin()
    const left = await work.leftovers.replay(state)
    // A stop that began meanwhile has closed the connection that there was; nobody would close this one.
    if (stopping) return
    const inbox = createInbox(
      {
        // What was decrypted a moment ago may be on its way to where it is looked for.
        async findInbox(id) {
          await state.settled()
          return store.credentials.findInbox(id)
        },
      },
      storageFailed,
    )
    version = versions.current()
    const current: Connection = createConnection({
      auth: state,
      inbox,
      endpoint: whatsapp.endpoint,
      logger,
      retries,
      findSent: store.findSent,
      findGroup: store.findGroup,
      readGroups: !groupsRead,
      openTimeoutMs: whatsapp.openTimeoutMs,
      liveness: whatsapp.liveness,
      version,
      handlers: handlersFor(state, () => current),
    })
    connection = current
    current.redeliver(left.map((entry) => entry.message))
    if (!linked) linking.begin(() => void current.close())
  }

  function handlersFor(state: AuthState, current: () => Connection): ConnectionHandlers {
    /** What comes of something that was decrypted waits until that is in the inbox. */
    function deliver(task: () => Promise<void>): void {
      void steps.deliver(task, state.uncommitted())
    }
    return {
      onQr: (text, validMs) => void steps.control(() => showLinking(current(), text, validMs)),
      onPaired: (account) => void steps.control(() => completeLinking(state, account)),
      onOpen: () => void steps.control(() => opened(current())),
      onClose: (close) => void steps.control(() => closed(state, close)),
      onBatch: (batch) => steps.deliverBatch(batch, state.uncommitted()),
      onHistory: (notice) => deliver(() => work.history.add(notice)),
      onUnreadable: (key, error) =>
        deliver(() => whenReachable(() => work.leftovers.keepUnreadable(state, key, error), patience)),
      onAck: (waId, error) => void acknowledged(waId, error),
      onRestriction: (news) => void steps.control(() => restrictions.note(news)),
      onPresence(seen) {
        store.tellPresence(seen).catch((error: unknown) => {
          logger.debug({ error: nameOf(error) }, 'a presence could not be told')
        })
      },
      onMediaAnswer: (answer) =>
        void work.media?.answered(answer).catch((error: unknown) => {
          logger.warn({ error: nameOf(error) }, 'an answer about a medium could not be stored')
        }),
    }
  }

  async function showLinking(current: Connection, text: string, validMs: number): Promise<void> {
    if (current !== connection) return
    await linking.show(text, validMs)
    pairing.ready(current, pairingCodeMs)
    await pairing.check()
  }

  async function completeLinking(state: AuthState, account: Account): Promise<void> {
    linking.end()
    await state.settled()
    const target = await store.sessions.completeLinking({ ...account, credentials: state.serializeCreds() })
    if (target === lease.sessionId) return
    // The number belongs to another session of this user; it goes on there, with these credentials.
    state.close()
    onChange(target)
    void stop('graceful')
  }

  async function opened(current: Connection): Promise<void> {
    if (current !== connection) return
    open = true
    groupsRead = true
    backoff.opened()
    stableTimer = setTimeout(() => void steps.control(settle), whatsapp.stableMs)
    await store.credentials.forgetOldInbox()
    await become({ status: 'connected', clientRevision: version[2] })
    await restrictions.opened()
    logger.info({}, 'connected')
    work.opened()
    void readBlockList(current, (batch) => void steps.deliver(() => work.project(batch)), logger)
  }

  /** The connection has lasted: the next trouble is a new one. */
  async function settle(): Promise<void> {
    if (!open || backoff.count === 0) return
    backoff.settled()
    await store.sessions.forgetRetries()
  }

  async function closed(state: AuthState, close: Close): Promise<void> {
    open = false
    connection = undefined
    clearTimeout(stableTimer)
    work.pump.interrupt()
    await pairing.end()
    await afterClose.react(state, close)
  }

  async function become(change: StatusChange): Promise<void> {
    await store.sessions.setStatus(change)
    measures.transition(change.status, change.reason ?? null)
  }

  /** What the server has taken is stored as sent, in order with what it says next; then its sender hears of it. */
  async function acknowledged(waId: string, error: string | undefined): Promise<void> {
    const isStored = await (error === undefined
      ? steps.deliverBatch({ ...emptyBatch(), acks: [waId] }, null)
      : steps.deliver(() => Promise.resolve()))
    if (isStored) work.pump.settle(waId, error)
  }

  /** Baileys knows who is who from more than its events tell: from look-ups, from what it was told before it was asked. */
  function learnMappings(pairs: { pn: string; lid: string }[]): void {
    const self = auth && selfOf(auth)
    const people = peopleOfMappings(pairs).filter(({ jid }) => jid !== self?.phone)
    // A history names thousands at once; what arrives meanwhile need not wait for all of them.
    for (let at = 0; at < people.length; at += mappingsAtOnce) {
      const some = people.slice(at, at + mappingsAtOnce)
      void steps.deliver(() => work.project({ ...emptyBatch(), people: some }))
    }
  }

  function storageFailed(error: unknown): void {
    logger.warn({ error: nameOf(error) }, 'credentials could not be read or written, starting anew from what is stored')
    void stop(isLeaseLost(error) ? 'fenced' : 'graceful')
  }

  async function look(): Promise<void> {
    if (stopping) return
    if ((await store.sessions.read())?.desired === 'running') {
      if (await pairing.check()) onChange(lease.sessionId)
      return
    }
    await store.sessions.hideQr()
    end()
  }

  /** Ends from inside a step, which must not wait for itself. */
  function end(): void {
    onChange(lease.sessionId)
    void stop('graceful')
  }

  /** What would begin something later; a step that is under way while the session stops may set them once more. */
  function clearTimers(): void {
    clearTimeout(stableTimer)
    afterClose.stop()
    restrictions.stop()
    linking.end()
  }

  function stop(how: 'graceful' | 'fenced'): Promise<void> {
    // A lost lease means that another host may be writing already, also when the session was stopping anyway.
    if (how === 'fenced') {
      fencedOut = true
      auth?.close()
    }
    stopping ??= (async () => {
      wishes.stop()
      clearTimers()
      open = false
      await connection?.close()
      await work.stop()
      await queue.idle()
      clearTimers()
      if (!fencedOut) await pairing.end().catch(() => undefined)
      if (!fencedOut) await auth?.settled().catch(() => undefined)
      auth?.close()
      for (const key of keyCache.keys()) if (key.startsWith(`${lease.sessionId}/`)) keyCache.delete(key)
      resolveEnded()
    })()
    return stopping
  }

  queue.add(begin).catch((error: unknown) => {
    logger.error({ error: error instanceof Error ? error.message : 'unknown' }, 'session could not start')
    void stop('graceful')
  })

  return {
    lease,
    ended,
    stop,
    /** A command waits, or the owner no longer wants it to run. */
    wake() {
      work.pump.wake()
      wishes.wake(open)
    },
    showPresence(state: OwnPresence, chat: string | null) {
      if (!open || stopping) return
      connection
        ?.showPresence(state, chat)
        .catch((error: unknown) => logger.debug({ error: nameOf(error) }, 'a presence could not be shown'))
    },
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
