import { setTimeout as pause } from 'node:timers/promises'
import {
  ALL_WA_PATCH_NAMES,
  Browsers,
  isJidBroadcast,
  isJidNewsletter,
  makeWASocket,
  type BaileysEventMap,
  type BinaryNode,
  type proto,
  type SignalKeyStoreWithTransaction,
  type WAMessage,
  type WAMessageKey,
  type WAVersion,
} from '@whiskeysockets/baileys'
import { normalizeJid, parseJid } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import { createAppState } from './app-state.ts'
import type { AuthState } from './auth-state.ts'
import { createChatState, type ChatState } from './chat-state.ts'
import { takeHistoryOfMessage, type HistoryNotice } from './history-notice.ts'
import { createHistoryRequests, type HistoryRequests } from './history-requests.ts'
import { readClose, Unanswered, UpgradeRefused, type Close } from './close.ts'
import { handleInOrder } from './handle-in-order.ts'
import { holdFrames, type FrameSink } from './hold-frames.ts'
import type { Inbox } from './inbox.ts'
import { createGroupDirectory, type KnownGroup } from './group-directory.ts'
import { createDirectory, type Directory } from './directory.ts'
import { createLiveness, type LivenessTiming } from './liveness.ts'
import { baileysLogger, type Logger } from './logger.ts'
import { createMediaAccess, readMediaAnswers, type MediaAccess, type MediaAnswer } from './media-access.ts'
import { createGroupOperations, type GroupOperations } from './group-operations.ts'
import { createMessaging, type Messaging } from './messaging.ts'
import { rebuild, type Sent } from './rebuild.ts'
import { normalise } from './normalise.ts'
import type { Self } from './self.ts'
import { readPeopleNotice } from './people-notices.ts'
import { createMediaMessaging, type MediaMessaging } from './send-media.ts'
import { createPresenceDisplay, readPresence, type PresenceDisplay, type SeenPresence } from './presence.ts'
import { createReceiptSink } from './receipt-sink.ts'
import { createPairing, type Pairing } from './pairing.ts'
import { readRestrictions, type RestrictionNews } from './restrictions.ts'
import type { RetryCounter } from './retry-counter.ts'
import { storeBeforeAck } from './store-before-ack.ts'
import { stanzaKeyOf, stanzaKeyOfMessage } from './stanza-key.ts'

/** The linked account: digits of its number, and of its LID when WhatsApp has told. */
export interface Account {
  phone: string
  lid: string | null
}

/** What a connection tells its session. Calls come in order; nothing is persisted here. */
export interface ConnectionHandlers {
  /** A new QR to show; `validMs` is how long WhatsApp accepts it. */
  onQr(text: string, validMs: number): void
  /** A phone has confirmed the pairing; the credentials hold the account. WhatsApp asks for a restart next (515). */
  onPaired(account: Account): void
  onOpen(): void
  /** The end. Everything received before has been handed on. */
  onClose(close: Close): void
  /** Nothing could be made of a message; its plaintext, if there is one, is in this row of the inbox. */
  onUnreadable(inboxKey: string, error: unknown): void
  /** WhatsApp restricts the account, or no longer does. */
  onRestriction(news: RestrictionNews): void
  /** Resolves to whether the batch was stored; false when the session ends before. */
  onBatch(batch: InboundBatch): Promise<boolean>
  /** The phone has announced a chunk of history, and Baileys has done its part: it is ours to keep and to fetch. */
  onHistory(notice: HistoryNotice): void
  /** Somebody is online or types; out of order with the rest, and nothing to keep. */
  onPresence(seen: SeenPresence): void
  /** WhatsApp's server has taken a message, or refused it with an error code. */
  onAck(waId: string, error: string | undefined): void
  /** The phone has answered a request for a file. */
  onMediaAnswer(answer: MediaAnswer): void
}

export interface ConnectionOptions {
  auth: AuthState
  inbox: Inbox
  endpoint: string
  logger: Logger
  retries: RetryCounter
  /** What the account sent, by WhatsApp id: answers retry requests. */
  findSent: (waId: string) => Promise<Sent | null>
  /** A group's members, when all are known. */
  findGroup: (jid: string) => Promise<KnownGroup | null>
  /** Ask for all groups when it is open. */
  readGroups: boolean
  /** A connection that is neither open nor shows a QR by then is given up, in ms. */
  openTimeoutMs: number
  liveness: LivenessTiming
  /** The version of WhatsApp Web to log in as. */
  version: WAVersion
  handlers: ConnectionHandlers
}

/** One socket to WhatsApp. It lives once: after onClose make a new one. */
export interface Connection
  extends
    Messaging,
    GroupOperations,
    Directory,
    Pairing,
    MediaAccess,
    MediaMessaging,
    ChatState,
    PresenceDisplay,
    HistoryRequests {
  /** Refuses a call that rings. */
  rejectCall(callId: string, creator: string): Promise<void>
  /** Unlinks this device at WhatsApp. */
  logout(): Promise<void>
  /** Hands messages out of the inbox to Baileys, as if they came now. What comes of them, and that they are done, is reported as batches. */
  redeliver(messages: WAMessage[]): void
  /** Ends it, and resolves when everything that had arrived was handed on. */
  close(): Promise<void>
}

/** WhatsApp's time for the first QR of an attempt, then for each further one (socket.js:694). Milliseconds. */
const firstQrMs = 60_000
const nextQrMs = 20_000
/** The closing handshake of a dead peer never comes; ws itself would wait 30 s for it. Milliseconds. */
const closingMs = 2_000
/** What a socket that has ended may still be doing with the keys, it does within this time or not at all. Milliseconds. */
const quietMs = 2_000
/** The upgrade to a WebSocket and the first answer of the Noise handshake take no longer. Milliseconds. */
const greetingMs = 20_000
/** How often Baileys' buffer is looked at by what has to come after it. Milliseconds. */
const bufferPollMs = 50

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
  let toldName: string | undefined
  let closing: NodeJS.Timeout | undefined
  const { promise: ended, resolve: resolveEnded } = Promise.withResolvers<void>()
  const groups = createGroupDirectory(() => socket, {
    self: () => selfOf(auth),
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
    handedOn,
    onBatch: (batch) => handlers.onBatch(batch),
    onFailure: reportFailure,
  })
  const socket = makeWASocket({
    auth: { creds: auth.creds, keys: appState.keys },
    waWebSocketUrl: endpoint,
    logger: baileysLogger(logger, (action) => appState.onAction(action)),
    version,
    // What the phone shows under linked devices; it also decides how much history the phone offers. Fixed for the life of a link.
    browser: Browsers.macOS('Desktop'),
    makeSignalRepository: inbox.makeSignalRepository,
    msgRetryCounterCache: retries,
    cachedGroupMetadata: (jid) => groups.cached(jid),
    getMessage: async (key: WAMessageKey): Promise<proto.IMessage | undefined> => {
      const sent = key.id ? await findSent(key.id) : null
      const self = selfOf(auth)
      return (sent && self && rebuild(sent, self)) ?? undefined
    },
    // It would time every single frame, and note a stack for each; `opening` and `greeting` see to what never comes.
    connectTimeoutMs: 0,
    // Otherwise the phone stops notifying its owner.
    markOnlineOnConnect: false,
    syncFullHistory: true,
    shouldSyncHistoryMessage: () => true,
    shouldIgnoreJid: (jid) => isJidBroadcast(jid) || isJidNewsletter(jid),
    // A commit that fails is fatal to the session (auth-state.ts), so Baileys need not insist.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 100 },
    appStateMacVerification: { patch: true, snapshot: true },
    // Baileys would fetch a preview for every URL in a text, from inside the host's network.
    generateHighQualityLinkPreview: false,
  })

  // Baileys waits for ever when the endpoint answers the upgrade with an HTTP status, or the handshake with silence.
  const opening = setTimeout(() => end(new Unanswered('WhatsApp did not answer')), openTimeoutMs)
  const greeting = setTimeout(() => end(new Unanswered('WhatsApp did not greet')), greetingMs)
  socket.ws.once('message', () => clearTimeout(greeting))
  socket.ws.on('unexpected-response', (_request: unknown, response: { statusCode?: number }) =>
    end(new UpgradeRefused(response.statusCode ?? 0)),
  )
  const frames = holdFrames(Reflect.get(socket.ws, 'socket') as FrameSink, () => auth.uncommitted())
  const liveness = createLiveness(socket, livenessTiming, end, () => frames.isHolding())

  function end(reason: Error | undefined): void {
    clearTimeout(opening)
    clearTimeout(greeting)
    liveness.stop()
    void socket.end(reason)
    closing ??= setTimeout(
      () => {
        const raw = Reflect.get(socket.ws, 'socket') as { terminate(): void } | null
        raw?.terminate()
      },
      reason instanceof Unanswered ? 0 : closingMs,
    )
  }

  // Inbox rows of what Baileys has acted on, while events of it may be in its buffer.
  const acted: string[] = []
  const inOrder = handleInOrder(
    socket.ws,
    {
      before: (node) => inbox.noteStanza(node),
      after(node) {
        if (node.attrs['category'] !== 'peer') return
        const stanzaKey = stanzaKeyOf(node.attrs as Record<string, string>)
        const notice = inbox.takeHistory(stanzaKey)
        // Nobody but the account's own phone sends history.
        if (notice && isOwn(node.attrs['from'])) handlers.onHistory(notice)
        else hasActedOn(stanzaKey)
      },
    },
    reportFailure,
  )
  storeBeforeAck(
    socket.ws,
    'CB:receipt',
    createReceiptSink({ self: () => selfOf(auth), handedOn, onBatch: (batch) => handlers.onBatch(batch) }),
    reportFailure,
  )
  storeBeforeAck(socket.ws, 'CB:notification', storeNotice, reportFailure)
  socket.ws.on('CB:ack,class:message', (node: BinaryNode) => {
    groups.onAck(node)
    const id = node.attrs['id']
    if (id) handlers.onAck(id, node.attrs['error'])
  })
  // Whatever fails here must not end the process, and with it every other account.
  socket.ev.process((events) => {
    try {
      handle(events)
    } catch (error) {
      reportFailure(error)
    }
  })

  async function storeNotice(node: BinaryNode): Promise<boolean> {
    const batch = selfOf(auth) ? readPeopleNotice(node) : null
    // What happens in a group is a notice there, in its order; a picture concerns more than that.
    if (!(await groups.store(node))) return false
    if (!batch) return true
    // A number that changed is told after what came under the old one.
    await handedOn()
    return handlers.onBatch(batch)
  }

  /** Resolves when the messages that have come so far were handed on, out of Baileys' buffer too. */
  async function handedOn(): Promise<void> {
    await inOrder.idle()
    while (socket.ev.isBuffering() && !closed) await pause(bufferPollMs)
  }

  /**
   * Resolves when this socket has done with the keys: with the message that it is at, and with what is being encrypted. Another socket that
   * began before would read the same ratchet, and one of the two would overwrite the other's.
   */
  async function quiet(): Promise<void> {
    await inOrder.idle()
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

  function isOwn(jid: string | undefined): boolean {
    const self = selfOf(auth)
    const from = normalizeJid(jid)
    return from !== null && (from === self?.phone || from === self?.lid)
  }

  function hasActedOn(stanzaKey: string): void {
    acted.push(stanzaKey)
    settleActed()
  }

  /** Takes the messages to the device out of the inbox, after everything that came of them. */
  function settleActed(): void {
    if (acted.length === 0 || socket.ev.isBuffering()) return
    void handlers.onBatch({ ...emptyBatch(), inbox: acted.splice(0) })
  }

  function reportFailure(error: unknown): void {
    logger.error({ error: error instanceof Error ? error.name : 'unknown' }, 'something received could not be read')
  }

  function handle(events: Partial<BaileysEventMap>): void {
    if (events['creds.update']) auth.saveCreds().catch(() => undefined)
    for (const seen of events['presence.update'] ? readPresence(events['presence.update']) : [])
      handlers.onPresence(seen)
    const update = events['connection.update']
    if (update?.connection === 'close') socket.ev.flush()
    const self = selfOf(auth)
    if (self) {
      const onUnreadable = (error: unknown, inboxKey: string): void => {
        reportFailure(error)
        handlers.onUnreadable(inboxKey, error)
      }
      const batch = normalise(events, self, onUnreadable, toldName)
      toldName = batch?.ownName ?? toldName
      if (batch) void handlers.onBatch(batch)
      settleActed()
    }
    for (const answer of readMediaAnswers(events)) handlers.onMediaAnswer(answer)
    for (const news of readRestrictions(events)) handlers.onRestriction(news)
    if (!update) return
    if (update.qr || update.connection === 'open' || update.connection === 'close') clearTimeout(opening)
    if (update.connection === 'close') clearTimeout(greeting)
    if (update.qr) handlers.onQr(update.qr, qrs++ === 0 ? firstQrMs : nextQrMs)
    if (update.isNewLogin) auth.creds.pairingCode = undefined
    if (update.isNewLogin && self) handlers.onPaired(accountOf(self))
    if (update.connection === 'open') {
      liveness.start()
      handlers.onOpen()
      catchUp()
      if (readGroups) groups.readAll()
    }
    if (update.connection === 'close' && !closed) {
      closed = true
      clearTimeout(closing)
      liveness.stop()
      const close = readClose(update.lastDisconnect?.error)
      void Promise.race([quiet().catch(reportFailure), pause(quietMs, undefined, { ref: false })]).then(() => {
        over = true
        handlers.onClose(close)
        resolveEnded()
      })
    }
  }

  return {
    ...createMessaging(socket, () => selfOf(auth)),
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
    redeliver(messages) {
      for (const message of messages) {
        const notice = takeHistoryOfMessage(message)
        socket
          .upsertMessage(message, 'append')
          .then(() => (notice ? handlers.onHistory(notice) : hasActedOn(stanzaKeyOfMessage(message))))
          .catch(reportFailure)
      }
    },
    async close() {
      if (!closed) end(undefined)
      await ended
    },
  }
}

/** The account that the credentials belong to; null before a phone is linked. */
export function selfOf(auth: AuthState): Self | null {
  // A pairing code names the number before any phone has agreed.
  const phone = auth.creds.account ? normalizeJid(auth.creds.me?.id) : null
  return phone ? { phone, lid: normalizeJid(auth.creds.me?.lid) } : null
}

/** The account of one's own JIDs. */
export function accountOf(self: Self): Account {
  return { phone: parseJid(self.phone)?.user ?? '', lid: parseJid(self.lid)?.user ?? null }
}
