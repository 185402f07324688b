import { io, type Socket } from 'socket.io-client'
import type { Acknowledgement, ClientToServerEvents, EventEnvelope, ServerToClientEvents } from '#shared/events.ts'
import type { OwnPresence, Presence } from '#shared/presence.ts'
import { createObservable, type Observable } from './observable.ts'

/** What the socket says that is not an event of the log. */
export interface LiveState {
  /** The socket is connected and has joined. */
  joined: boolean
  /** It was joined before and is not now. */
  lost: boolean
  /** The newest QR (a PNG data URL) while a phone is being linked. */
  qr: string | null
  /** The newest code to type on a phone, while one was asked for. */
  pairing: { code: string; expires_at: string } | null
  /** Why the session closed for good, with the server's own sentence. */
  closed: { reason: string; message: string } | null
  /** The server's last refusal, a sentence. */
  trouble: string | null
}

export interface Live extends Disposable {
  state: Observable<LiveState>
  /** Opens the connection; disposing closes it. */
  open: () => void
  /** Forgets why the session ended, to begin anew. */
  forgetEnd: () => void
  /** Asks for a QR: the answer is the `qr-code` event, or `session-ready` when a phone is linked already. */
  requestQr: () => void
  /** Shows the other side what one does, or asks to be told of them. Lost without a connection, as WhatsApp loses it. */
  setPresence: (state: OwnPresence, conversationId?: string) => void
}

export interface LiveListeners {
  onEvent: (event: EventEnvelope, replayed: boolean) => void
  /** Everything may have changed: read anew. */
  onResync: () => void
  onReady: (session: { sessionId: string; phone: string | null }) => void
  onPresence: (presence: Presence) => void
  /** New messages that a reconnection brought after the gap. */
  onRecovered: (count: number) => void
}

const ended = ['unlinked', 'logged_out', 'stopped']

/**
 * The one Socket.IO connection of a signed-in user. It joins with the last `seq` seen, so that what happened while it was away
 * arrives in order and once; a refreshed token extends the connection.
 */
export function connectLive(dependencies: {
  getToken: () => Promise<string | null>
  onTokenRefresh: (listener: (token: string) => void) => () => void
  listeners: LiveListeners
}): Live {
  const { getToken, listeners } = dependencies
  const state = createObservable<LiveState>({
    joined: false,
    lost: false,
    qr: null,
    pairing: null,
    closed: null,
    trouble: null,
  })
  const change = (part: Partial<LiveState>): void => state.set((current) => ({ ...current, ...part }))
  const seen: Record<string, number> = {}
  let recovery: { since: number; count: number } | null = null

  const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io({
    autoConnect: false,
    transports: ['websocket'],
    auth: (reply) => void getToken().then((token) => reply({ token })),
    timeout: 8_000,
    reconnectionDelay: 500,
    reconnectionDelayMax: 5_000,
  })

  async function join(token?: string): Promise<void> {
    const resumes = Object.keys(seen).length > 0
    const gapEnds = Date.now()
    recovery = resumes && !token ? { since: gapEnds, count: 0 } : recovery
    // A first join has no position yet: one from the future is answered with `resync`, which says where the stream is.
    const since = resumes ? { ...seen } : Number.MAX_SAFE_INTEGER
    const answer = await socket
      .timeout(10_000)
      .emitWithAck('join', token ? { token } : { since })
      .catch((): Acknowledgement => ({ ok: false, error: { code: 'timeout', message: '' } }))
    if (!answer.ok) {
      change({ trouble: answer.error.message || null })
      // An expired or refused token is renewed by the next connection; a silent server is asked again.
      if (socket.connected && !token) setTimeout(() => socket.connected && socket.disconnect().connect(), 2_000)
      return
    }
    change({ joined: true, lost: false, trouble: null })
    if (recovery) setTimeout(reportRecovery, 800)
  }

  function reportRecovery(): void {
    const count = recovery?.count ?? 0
    recovery = null
    if (count > 0) listeners.onRecovered(count)
  }

  socket.on('connect', () => void join())
  socket.on('disconnect', (reason) => {
    change({ joined: false, lost: true })
    // Socket.IO leaves it to us to come back when the server closed the connection.
    if (reason === 'io server disconnect') setTimeout(() => socket.connect(), 3_000)
  })
  socket.on('connect_error', () => {
    change({ joined: false, lost: true })
    // A refused handshake is not retried by the library.
    if (!socket.active) setTimeout(() => socket.connect(), 3_000)
  })
  socket.on('event', (event) => {
    if (event.seq <= (seen[event.sessionId] ?? 0)) return
    seen[event.sessionId] = event.seq
    const replayed = recovery !== null && Date.parse(event.at) < recovery.since
    if (replayed && recovery && event.type === 'message.created' && !event.data.from_me) recovery.count++
    if (event.type === 'session.status') {
      const { status, reason } = event.data
      if (status !== 'linking') change({ qr: null, pairing: null })
      if (!ended.includes(status)) change({ closed: null })
      else if (reason) change({ closed: { reason, message: '' } })
    }
    listeners.onEvent(event, replayed)
  })
  socket.on('resync', ({ sessionId, seq }) => {
    seen[sessionId] = seq
    listeners.onResync()
  })
  socket.on('qr-code', (qr) => change({ qr, closed: null, trouble: null }))
  socket.on('pairing-code', (pairing) => change({ pairing, closed: null }))
  socket.on('presence', listeners.onPresence)
  socket.on('session-ready', (session) => {
    change({ qr: null, pairing: null, closed: null, trouble: null })
    listeners.onReady(session)
  })
  socket.on('session-closed', ({ reason, message }) => {
    change({ qr: null, pairing: null, closed: { reason, message } })
    listeners.onResync()
  })
  socket.on('error', (sentence) => change({ trouble: sentence }))
  // Back on the network there is no reason to wait for the next attempt.
  const reconnect = (): void => {
    if (!socket.connected) socket.disconnect().connect()
  }
  window.addEventListener('online', reconnect)
  const stopRefresh = dependencies.onTokenRefresh((token) => {
    if (socket.connected) void join(token)
  })

  return {
    state,
    open: () => void socket.connect(),
    forgetEnd: () => change({ closed: null }),
    requestQr: () => {
      change({ closed: null, trouble: null })
      socket.emit('get-qr', {}, (answer) => {
        if (!answer.ok) change({ trouble: answer.error.message })
      })
    },
    setPresence: (state, conversationId) => {
      if (socket.connected) socket.emit('set-presence', { state, ...(conversationId ? { conversationId } : {}) })
    },
    [Symbol.dispose]: () => {
      stopRefresh()
      window.removeEventListener('online', reconnect)
      socket.removeAllListeners()
      socket.disconnect()
    },
  }
}
