import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import type { OwnPresence } from '#shared/presence.ts'
import type { SessionReason, SessionStatus } from '#shared/session.ts'
import { isLeaseLost } from '../store/fenced.ts'
import type { StatusChange } from '../store/sessions.ts'
import { createAuthState, type AuthState } from '../whatsapp/auth-state.ts'
import { accountOf, createConnection, selfOf, type Account, type Connection } from '../whatsapp/connection.ts'
import type { Close } from '../whatsapp/close.ts'
import { reactTo, type Reaction } from '../whatsapp/disconnect.ts'
import { createInbox } from '../whatsapp/inbox.ts'
import { keepPairs, keepTokens } from '../whatsapp/keep-history.ts'
import { peopleOfMappings } from '../whatsapp/people-notices.ts'
import { pairingCodeMs } from '../whatsapp/pairing.ts'
import { createRetryCounter } from '../whatsapp/retry-counter.ts'
import { createBackoff } from './backoff.ts'
import { readBlockList } from './block-list.ts'
import { createCommandPump } from './command-pump.ts'
import { createGathering } from './gather-batches.ts'
import { createHistoryImport } from './history-import.ts'
import { projectSafely, whenReachable, type Patience } from './project-safely.ts'
import { createLinking } from './linking.ts'
import { createLeftovers } from './leftovers.ts'
import { createPairingAttempt } from './pairing-attempt.ts'
import { createPacing } from './pacing.ts'
import { createPictureRefresh } from './picture-refresh.ts'
import { createRecipients } from './recipients.ts'
import { createQuarantine } from './quarantine.ts'
import { createRestrictions } from './restrictions.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { Session, SessionOptions } from './session-options.ts'

const mappingsAtOnce = 250
/** What an owner may have changed, beside commands, is looked up this often at most, in ms. */
const lookMs = 200

/** A session that stops gives a database that is away this many more tries; what was decrypted is in the inbox then. */
const triesWhileStopping = 3

/**
 * The session's state machine. Everything that WhatsApp says goes through one queue: batches, acknowledgements, QRs, the end of a
 * connection. So they are stored in the order in which they came, and a reaction never overtakes what led to it.
 */
export function createSession({
  lease,
  store,
  whatsapp,
  media: createMedia,
  versions,
  measures,
  keyCache,
  historyReader,
  logger,
  onChange,
}: SessionOptions): Session {
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
  let abandoned = false
  const backoff = createBackoff(whatsapp.backoffMs)
  const restrictions = createRestrictions(store.sessions, (kind) => {
    void step('control', () => restrictions.note({ kind, active: false, until: null }))
  })
  let version = versions.current()
  let logoutReason: SessionReason = 'logged_out'
  // WhatsApp tells of changes; once a session's life all groups are asked for.
  let groupsRead = false
  let reconnectTimer: NodeJS.Timeout | undefined
  let stableTimer: NodeJS.Timeout | undefined
  let lookTimer: NodeJS.Timeout | undefined
  let lookAgain = false
  const patience: Patience = {
    logger,
    givesUp: (attempt) => fencedOut || (stopping !== undefined && attempt >= triesWhileStopping),
  }

  const quarantine = createQuarantine({ store: store.quarantine, measures, logger })
  const leftovers = createLeftovers({ credentials: store.credentials, quarantine, project, logger })
  const media = createMedia?.(() => (open && connection) || null) ?? null
  const pump = createCommandPump({
    media,
    rules: {
      pacing: createPacing(whatsapp.pacing),
      recipients: createRecipients(),
      deadlineMs: whatsapp.sendDeadlineMs,
      forbidsFirstContact: () => restrictions.forbidsFirstContact(),
      measures,
    },
    commands: store.commands,
    projection: store.projection,
    connection: () => (open && connection) || null,
    ackTimeoutMs: whatsapp.ackTimeoutMs,
    onLogout: () => {
      logoutReason = 'logout_requested'
    },
    onChange: () => onChange(lease.sessionId),
    logger,
  })

  const history = createHistoryImport({
    chunks: store.history,
    reader: historyReader,
    projection: store.projection,
    self: () => (auth ? selfOf(auth) : null),
    async keep({ pairs, tokens }) {
      if (!auth) return
      await keepPairs(auth.keys, pairs)
      await keepTokens(auth.keys, tokens)
    },
    async requestAgain(chunk) {
      if (!open || !connection) return false
      await connection.requestChunk(chunk)
      return true
    },
    patience,
    onChange: () => onChange(lease.sessionId),
    onFatal: () => void stop('fenced'),
  })

  const gathering = createGathering({ run: (task) => step('delivery', task), project })
  const pictures = createPictureRefresh({
    pictures: store.pictures,
    connection: () => (open && connection) || null,
    onChange: () => onChange(lease.sessionId),
    logger,
  })

  /**
   * Runs a step in order. A failure ends the session, and the supervisor starts it anew from what is stored. What was delivered is stored
   * even while the session stops, but nothing after a delivery that could not be: it would say that the inbox was done with it.
   * Resolves to whether it was done.
   */
  function step(kind: 'control' | 'delivery', task: () => Promise<void>): Promise<boolean> {
    gathering.split()
    return queue
      .add(async () => {
        if (fencedOut || abandoned || (stopping && kind === 'control')) return false
        await task()
        onChange(lease.sessionId)
        return true
      })
      .catch((error: unknown) => {
        if (isLeaseLost(error)) void stop('fenced')
        else {
          logger.error({ kind, error: error instanceof Error ? error.message : 'unknown' }, 'session step failed')
          if (kind === 'delivery') abandoned = true
          void stop('graceful')
        }
        return false
      })
  }

  /** A step that comes of what was decrypted: it waits until that is in the inbox. */
  function deliver(state: AuthState, task: () => Promise<void>): Promise<boolean> {
    const committed = state.uncommitted()
    return step('delivery', async () => {
      await committed
      await task()
    })
  }

  function storageFailed(error: unknown): void {
    logger.warn({ error: nameOf(error) }, 'credentials could not be read or written, starting anew from what is stored')
    void stop(isLeaseLost(error) ? 'fenced' : 'graceful')
  }

  /** Baileys knows who is who from more than its events tell: from look-ups, from what it was told before it was asked. */
  function learnMappings(pairs: { pn: string; lid: string }[]): void {
    const self = auth && selfOf(auth)
    const people = peopleOfMappings(pairs).filter(({ jid }) => jid !== self?.phone)
    // A history names thousands at once; what arrives meanwhile need not wait for all of them.
    for (let at = 0; at < people.length; at += mappingsAtOnce) {
      const some = people.slice(at, at + mappingsAtOnce)
      void step('delivery', () => project({ ...emptyBatch(), people: some }))
    }
  }

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
    await quarantine.retry()
    // The host before was waiting; a restart is no reason to insist.
    if (self && row?.status === 'reconnecting' && row.retry_in_ms) return reconnectLater(auth, row.retry_in_ms)
    await connect(auth)
  }

  async function project(batch: InboundBatch, committed: Promise<void> | null = null): Promise<void> {
    const { refused } = await projectSafely(store.projection, batch, patience, committed)
    measures.received(batch.messages.filter(({ live }) => live).map(({ at }) => Date.now() / 1_000 - at))
    if (refused.length > 0) await whenReachable(() => quarantine.refused(refused), patience)
    if (batch.messages.some((message) => message.media)) media?.wake()
    if (batch.pictures || batch.history || batch.chats.length > 0) pictures.wake()
  }

  async function connect(state: AuthState): Promise<void> {
    state.forgetUnfinishedPairing()
    const linked = selfOf(state) !== null
    // While it fails, the row says since when and why.
    if (!linked || backoff.count === 0) await become({ status: linked ? 'connecting' : 'linking' })
    onChange(lease.sessionId)
    if (!linked) await pairing.begin()
    const left = await leftovers.replay(state)
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
    const current = createConnection({
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
      handlers: {
        onQr: (text, validMs) => void step('control', () => showLinking(current, text, validMs)),
        onPaired: (account) => void step('control', () => completeLinking(state, account)),
        onOpen: () => void step('control', () => opened(current)),
        onHistory: (notice) => void deliver(state, () => history.add(notice)),
        onPresence(seen) {
          store.tellPresence(seen).catch((error: unknown) => {
            logger.debug({ error: nameOf(error) }, 'a presence could not be told')
          })
        },
        onClose: (close) => void step('control', () => closed(state, close)),
        onUnreadable: (key, error) =>
          void deliver(state, () => whenReachable(() => leftovers.keepUnreadable(state, key, error), patience)),
        onRestriction: (news) => void step('control', () => restrictions.note(news)),
        onBatch: (batch: InboundBatch) => gathering.add(batch, state.uncommitted()),
        onAck: (waId, error) => void step('delivery', () => acknowledged(waId, error)),
        onMediaAnswer: (answer) =>
          void media?.answered(answer).catch((error: unknown) => {
            logger.warn({ error: nameOf(error) }, 'an answer about a medium could not be stored')
          }),
      },
    })
    connection = current
    current.redeliver(left.map((entry) => entry.message))
    if (!linked) linking.begin(() => void current.close())
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
    stableTimer = setTimeout(() => void step('control', settle), whatsapp.stableMs)
    await store.credentials.forgetOldInbox()
    await store.commands.releaseAll([])
    await become({ status: 'connected', clientRevision: version[2] })
    await restrictions.opened()
    logger.info({}, 'connected')
    pump.wake()
    pictures.wake()
    void readBlockList(current, (batch) => void step('delivery', () => project(batch)), logger)
    media?.wake()
    history.wake()
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
    pump.interrupt()
    await pairing.end()
    const badSessions = close.by === 'whatsapp' && close.code === 500 ? backoff.badSession() : 0
    const reaction = reactTo(close, selfOf(state) !== null, badSessions)
    logger.info({ ...close, action: reaction.action, reason: reaction.reason }, 'connection closed')
    if (close.expiresInSeconds !== undefined && reaction.reason === 'temporarily_banned') {
      const until = new Date(Date.now() + close.expiresInSeconds * 1_000)
      await restrictions.note({ kind: 'temporarily_banned', active: true, until })
    }
    await react(state, reaction)
  }

  async function react(state: AuthState, reaction: Reaction): Promise<void> {
    switch (reaction.action) {
      case 'reconnect': {
        measures.reconnect(reaction.reason)
        if (reaction.pause === 'none' && backoff.mayHurry()) return connect(state)
        const pauseMs = backoff.failed()
        await become({ status: 'reconnecting', reason: reaction.reason, retry: { count: backoff.count, pauseMs } })
        return reconnectLater(state, pauseMs)
      }
      case 'refresh-version':
        if (await versions.refresh(version)) return connect(state)
        logger.error({ alert: true, reason: reaction.reason }, 'WhatsApp no longer accepts this version')
        return giveUp(selfOf(state) ? 'stopped' : 'unlinked', reaction.reason)
      case 'retry-linking':
        if (linking.fail()) return reconnectLater(state, backoff.failed())
        return giveUp('unlinked', reaction.reason)
      case 'forget':
        return forget(state, logoutReason)
      case 'stop':
        // WhatsApp no longer lets us in, so it can't be told; the owner's wish is done here.
        if (await store.commands.logoutWaits()) return forget(state, 'logout_requested')
        if (reaction.alert) logger.error({ alert: true, reason: reaction.reason }, 'WhatsApp refuses this account')
        return giveUp('stopped', reaction.reason)
      default:
        return reaction satisfies never
    }
  }

  async function become(change: StatusChange): Promise<void> {
    await store.sessions.setStatus(change)
    measures.transition(change.status, change.reason ?? null)
  }

  /** A person has to do something. */
  async function giveUp(status: SessionStatus, reason: SessionReason): Promise<void> {
    await become({ status, reason, desired: 'stopped' })
    end()
  }

  async function forget(state: AuthState, reason: SessionReason): Promise<void> {
    state.close()
    await store.sessions.wipe(reason)
    measures.transition('logged_out', reason)
    end()
  }

  function reconnectLater(state: AuthState, pauseMs: number): void {
    clearTimeout(reconnectTimer)
    reconnectTimer = setTimeout(() => void step('control', () => connect(state)), pauseMs)
  }

  async function acknowledged(waId: string, error: string | undefined): Promise<void> {
    if (error === undefined) await whenReachable(() => store.commands.acknowledge(waId), patience)
    pump.settle(waId, error)
  }

  /** A command waits, or the owner no longer wants it to run. */
  function wake(): void {
    pump.wake()
    lookAgain = true
    look()
  }

  /** The first look is at once; of a hundred sends that are submitted together, the others are one more. */
  function look(): void {
    if (lookTimer || !lookAgain || stopping) return
    lookAgain = false
    lookTimer = setTimeout(() => {
      lookTimer = undefined
      look()
    }, lookMs)
    media?.wake()
    queue
      .add(async () => {
        if (stopping) return
        if ((await store.sessions.read())?.desired === 'running') return await checkPairing()
        await store.sessions.hideQr()
        end()
      })
      .catch(() => undefined)
  }

  async function checkPairing(): Promise<void> {
    if (await pairing.check()) onChange(lease.sessionId)
  }

  /** Ends from inside a step, which must not wait for itself. */
  function end(): void {
    onChange(lease.sessionId)
    void stop('graceful')
  }

  function stop(how: 'graceful' | 'fenced'): Promise<void> {
    // A lost lease means that another host may be writing already, also when the session was stopping anyway.
    if (how === 'fenced') {
      fencedOut = true
      auth?.close()
    }
    stopping ??= (async () => {
      clearTimeout(lookTimer)
      clearTimeout(reconnectTimer)
      clearTimeout(stableTimer)
      restrictions.stop()
      linking.end()
      open = false
      await connection?.close()
      await pump.stop()
      await pictures.stop()
      await media?.stop()
      await history.stop()
      await queue.idle()
      // A step that was under way may have set one again.
      clearTimeout(reconnectTimer)
      clearTimeout(stableTimer)
      restrictions.stop()
      linking.end()
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

  function showPresence(state: OwnPresence, chat: string | null): void {
    if (!open || stopping) return
    connection
      ?.showPresence(state, chat)
      .catch((error: unknown) => logger.debug({ error: nameOf(error) }, 'a presence could not be shown'))
  }

  return { lease, wake, showPresence, ended, stop }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
