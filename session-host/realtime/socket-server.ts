import type { Server as HttpServer } from 'node:http'
import { Server } from 'socket.io'
import { describeError, PublicError, toPublicError, preferredLanguage } from '#shared/errors.ts'
import type { ClientToServerEvents, ServerToClientEvents } from '#shared/events.ts'
import { attachClient, type ClientData, type ClientOptions } from './client.ts'
import { endConnection } from './end-connection.ts'
import { probeConnection } from './probe-connection.ts'

export interface SocketServerOptions extends ClientOptions {
  http: HttpServer
  /** Origins whose pages may connect; clients without an origin (servers, phones) always may. */
  corsOrigins: string[]
  /** Live connections are renewed this often, in ms. */
  renewMs: number
}

export interface SocketServer extends AsyncDisposable {
  /** A user has no connection left: those of theirs that are here and dead are ended, the others are known to live. */
  probe(userId: string): void
}

type GatewayServer = Server<ClientToServerEvents, ServerToClientEvents, Record<string, never>, ClientData>

/** A text of WhatsApp's 65,536 characters takes at most four bytes each; the rest is room for the envelope. */
const maxFrameBytes = 512 * 1024

/** Serves Socket.IO: authentication, the limit of live connections, the events of the contract. WebSocket only: polling needs sticky routing. */
export function createSocketServer(options: SocketServerOptions): SocketServer {
  const { http, verifyToken, slots, logger } = options
  const io: GatewayServer = new Server(http, {
    transports: ['websocket'],
    cors: { origin: options.corsOrigins, credentials: true },
    maxHttpBufferSize: maxFrameBytes,
    // A dead connection must not count against the user's five for long.
    pingInterval: 10_000,
    pingTimeout: 8_000,
    serveClient: false,
    // Browsers do not apply CORS to WebSockets: the origin is checked here.
    allowRequest(request, decide) {
      const { origin, host } = request.headers
      const allowed = origin === undefined || options.corsOrigins.includes(origin) || sameHost(origin, host)
      decide(allowed ? null : 'origin not allowed', allowed)
    },
  })

  io.use((socket, next) => {
    const auth = socket.handshake.auth as Record<string, unknown>
    const token = auth['token']
    if (token === undefined || token === null) return next()
    verifyToken(typeof token === 'string' ? token : '').then(
      (caller) => {
        socket.data = { caller }
        next()
      },
      (error: unknown) => next(connectError(error, socket.handshake.headers['accept-language'])),
    )
  })
  io.on('connection', (socket) => attachClient(socket, options))

  const renewal = setInterval(() => {
    slots.renew().catch((error: unknown) => {
      logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'connections could not be renewed')
    })
  }, options.renewMs)

  async function probe(userId: string): Promise<void> {
    const theirs = [...io.sockets.sockets.values()].filter((socket) => socket.data.userId === userId)
    await Promise.all(
      theirs.map(async (socket) => {
        if (await probeConnection(socket)) return slots.confirm(socket.id)
        logger.info({ socket: socket.id }, 'a dead connection is ended')
        endConnection(socket)
      }),
    )
  }

  return {
    probe(userId) {
      probe(userId).catch((error: unknown) => {
        logger.warn({ error: error instanceof Error ? error.message : 'unknown' }, 'connections could not be probed')
      })
    },
    async [Symbol.asyncDispose]() {
      clearInterval(renewal)
      // Ends the connections without Socket.IO's own goodbye, after which clients would not come back by themselves.
      await io.close()
      await slots.releaseAll().catch(() => undefined)
    },
  }
}

/** What a client sees as connect_error: a sentence, and the code in `data`. */
function connectError(error: unknown, acceptLanguage: string | undefined): Error & { data: object } {
  const { code } = toPublicError(error)
  const { message } = describeError(code, preferredLanguage(acceptLanguage))
  return Object.assign(new PublicError(code, { detail: message }), { data: { code, message } })
}

function sameHost(origin: string, host: string | undefined): boolean {
  try {
    return host !== undefined && new URL(origin).host === host
  } catch {
    return false
  }
}
