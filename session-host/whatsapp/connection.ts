import { setTimeout as pause } from 'node:timers/promises'
import {
  ALL_WA_PATCH_NAMES,
  type BaileysEventMap,
  type ConnectionState,
  type SignalKeyStoreWithTransaction,
} from '@whiskeysockets/baileys'
import { createAppState } from './app-state.ts'
import { createChatState } from './chat-state.ts'
import { readClose, type Close } from './close.ts'
import type { Connection, ConnectionOptions } from './connection-options.ts'
import { createDeadlines } from './deadlines.ts'
import { createDirectory } from './directory.ts'
import { createGroupDirectory } from './group-directory.ts'
import { createGroupOperations } from './group-operations.ts'
import { createHistoryRequests } from './history-requests.ts'
import { holdFrames, type FrameSink } from './hold-frames.ts'
import { createLiveness } from './liveness.ts'
import { createMediaAccess } from './media-access.ts'
import { createMessaging } from './messaging.ts'
import { openSocket } from './open-socket.ts'
import { createPairing } from './pairing.ts'
import { createPresenceDisplay } from './presence.ts'
import { createReception } from './reception.ts'
import { accountOf, selfOf } from './self.ts'
import { createMediaMessaging } from './send-media.ts'
import { createUnstoredRatchets } from './unstored-ratchets.ts'

/** WhatsApp's time for the first QR of an attempt, then for each further one (socket.js:694). Milliseconds. */
const firstQrMs = 60_000
const nextQrMs = 20_000
/** What a socket that has ended may still be doing with the keys, it does within this time or not at all. Milliseconds. */
const quietMs = 2_000

/** Opens a socket with the account's credentials; without an account it links one by QR. */
export function createConnection({
  auth,
  inbox,
  endpoint,
  logger,
  retries,
  findSent,
  findGroup,
  readGroups,
  openTimeoutMs,
  liveness: livenessTiming,
  version,
  handlers,
}: ConnectionOptions): Connection {
  let qrs = 0
  let closed = false
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<void>()
  const self = () => selfOf(auth)
  const groups = createGroupDirectory(() => socket, {
    self,
    findGroup,
    onBatch: (batch) => handlers.onBatch(batch),
    onFailure: () => logger.warn({}, 'a group could not be asked for'),
  })
  // A socket that has ended may still be at work; a new one goes on from the same keys.
  let over = false
  const appState = createAppState({
    keys: {
      ...auth.keysAhead,
      async set(data) {
        if (over) throw new Error('the connection is over')
        await auth.keysAhead.set(data)
      },
    },
    handedOn: () => reception.handedOn(),
    onBatch: (batch) => handlers.onBatch(batch),
    onFailure: reportFailure,
  })
  const ratchets = createUnstoredRatchets()
  const socket = openSocket({
    auth: { creds: auth.creds, keys: appState.keys },
    waWebSocketUrl: endpoint,
    version,
    logger,
    retries,
    self,
    findSent,
    makeSignalRepository: (state, ...rest) =>
      ratchets.follow(inbox.makeSignalRepository(state, ...rest), state.keys as SignalKeyStoreWithTransaction),
    cachedGroupMetadata: (jid) => groups.cached(jid),
    onAction: (action) => appState.onAction(action),
  })
  const deadlines = createDeadlines(socket, openTimeoutMs, () => liveness.stop())
  ratchets.followQueries(socket.ws)
  const frames = holdFrames(Reflect.get(socket.ws, 'socket') as FrameSink, () => auth.uncommitted(), {
    unstored: () => ratchets.pending(),
    onLost: () => deadlines.end(new Error('a message could not be encrypted for good')),
  })
  const liveness = createLiveness(
    socket,
    livenessTiming,
    (error) => deadlines.end(error),
    () => frames.isHolding(),
  )
  const reception = createReception(socket, {
    self,
    inbox,
    groups,
    handlers,
    isClosed: () => closed,
    onFailure: reportFailure,
  })
  // Whatever fails here must not end the process, and with it every other account.
  socket.ev.process((events) => {
    try {
      handle(events)
    } catch (error) {
      reportFailure(error)
    }
  })

  function handle(events: Partial<BaileysEventMap>): void {
    if (events['creds.update']) auth.saveCreds().catch(() => undefined)
    const update = events['connection.update']
    // What is in Baileys' buffer would be lost with it.
    if (update?.connection === 'close') socket.ev.flush()
    reception.handOn(events)
    if (update) follow(update)
  }

  function follow(update: Partial<ConnectionState>): void {
    if (update.qr) {
      deadlines.arrived()
      handlers.onQr(update.qr, qrs++ === 0 ? firstQrMs : nextQrMs)
    }
    if (update.isNewLogin) {
      auth.creds.pairingCode = undefined
      const account = self()
      if (account) handlers.onPaired(accountOf(account))
    }
    if (update.connection === 'open') {
      deadlines.arrived()
      liveness.start()
      handlers.onOpen()
      catchUp()
      if (readGroups) groups.readAll()
    }
    if (update.connection === 'close' && !closed) {
      closed = true
      deadlines.ended()
      liveness.stop()
      void finish(readClose(update.lastDisconnect?.error))
    }
  }

  async function finish(close: Close): Promise<void> {
    await Promise.race([quiet().catch(reportFailure), pause(quietMs, undefined, { ref: false })])
    over = true
    handlers.onClose(close)
    resolveEnded()
  }

  /**
   * Resolves when this socket has done with the keys: with the message that it is at, and with what is being encrypted. Another socket that
   * began before would read the same ratchet, and one of the two would overwrite the other's.
   */
  async function quiet(): Promise<void> {
    await reception.idle()
    const { keys } = socket.authState as { keys: SignalKeyStoreWithTransaction }
    await keys.transaction(() => Promise.resolve(), auth.creds.me?.id ?? 'unlinked')
    await auth.settled()
  }

  /** Asks for app-state mutations that were missed: WhatsApp tells of them once, and the host may have died since. Not the first time. */
  function catchUp(): void {
    if (!auth.creds.myAppStateKeyId || !auth.creds.accountSyncCounter) return
    socket.resyncAppState([...ALL_WA_PATCH_NAMES], false).catch(() => {
      logger.warn({}, 'the state of chats could not be asked for; it follows with the next change')
    })
  }

  function reportFailure(error: unknown): void {
    logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'something received could not be read')
  }

  return {
    ...createMessaging(socket, self),
    ...createGroupOperations(socket),
    ...createMediaAccess(socket),
    ...createMediaMessaging(socket),
    ...createDirectory(socket),
    ...createPairing(socket),
    ...createChatState(socket),
    ...createPresenceDisplay(socket),
    ...createHistoryRequests(socket),
    rejectCall: (callId, creator) => socket.rejectCall(callId, creator),
    logout: () => socket.logout(),
    redeliver: (messages) => reception.redeliver(messages),
    async close() {
      if (!closed) deadlines.end(undefined)
      await ended
    },
  }
}
