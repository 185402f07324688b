import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Issuer } from '../auth/create-issuer.ts'
import type { Caller } from '../caller.ts'
import { identifyKey } from '../identify-caller.ts'
import type { Secrets } from '../secrets.ts'
import { answerBroadcast } from './answer-broadcast.ts'
import { createAuthoriser } from './create-authoriser.ts'
import { createFeed } from './create-feed.ts'
import { createRooms, roomName } from './rooms.ts'
import { serveConnection } from './serve-connection.ts'

export interface RealtimeOptions {
  /** Logs in as `postgres`. */
  databaseUrl: string
  issuer: Issuer
  secrets: Secrets
  /** Takes what goes wrong inside. */
  log: (line: string) => void
}

export interface Realtime extends AsyncDisposable {
  /** Answers a request for `/realtime/v1/<path>` that asks for no upgrade. */
  fetch: (request: Request, path: string, caller: Caller) => Promise<Response>
  /** Takes over a connection to `/realtime/v1/websocket?apikey=…&vsn=2.0.0`. */
  upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
}

/** The largest WebSocket message that a client may send, in bytes; the platform's. */
const maximumFrame = 5_000_000

/**
 * Supabase Realtime's interface (https://supabase.com/docs/guides/realtime/protocol), as far as supabase-js uses it: broadcast from
 * clients and from the database, presence, private channels under the policies of `realtime.messages`. Nothing is connected to the
 * database before the first client comes. Left out: postgres_changes, replay, protocol 1.0.0, rate limits.
 */
export function createRealtime({ databaseUrl, issuer, secrets, log }: RealtimeOptions): Realtime {
  const rooms = createRooms()
  const authoriser = createAuthoriser(databaseUrl)
  const server = new WebSocketServer({ noServer: true, maxPayload: maximumFrame, perMessageDeflate: false })
  const feed = createFeed({
    databaseUrl,
    log,
    deliver({ topic, private: isPrivate, broadcast }) {
      try {
        rooms.broadcast(roomName(topic, isPrivate), broadcast)
      } catch (error) {
        log(`realtime: a message was not sent: ${(error as Error).message}`)
      }
    },
    interrupted() {
      // Clients join anew, and read what they missed.
      for (const client of server.clients) client.close(1012, 'service restart')
    },
  })
  const parts = { authoriser, feed, issuer, rooms, log }

  return {
    async fetch(request, path, caller) {
      if (path !== 'websocket') return answerBroadcast(request, path, caller, parts)
      return Response.json(
        { error: 'Upgrade to WebSocket required' },
        { status: 426, headers: { upgrade: 'websocket' } },
      )
    },
    upgrade(request, socket, head) {
      socket.on('error', () => {}) // a client that goes before it is answered
      void admit(request)
        .then((admission) => {
          if ('refusal' in admission) return refuse(socket, admission.refusal)
          server.handleUpgrade(request, socket, head, (connection) =>
            serveConnection(connection, admission.caller, headersOf(request), parts),
          )
        })
        .catch((error: unknown) => {
          log(`realtime: an upgrade failed: ${(error as Error).message}`)
          socket.destroy()
        })
    },
    async [Symbol.asyncDispose]() {
      for (const client of server.clients) client.terminate()
      server.close()
      await feed[Symbol.asyncDispose]()
      await authoriser[Symbol.asyncDispose]()
    },
  }

  async function admit({ url = '/', headers }: IncomingMessage): Promise<{ caller: Caller } | { refusal: Refusal }> {
    const address = new URL(url, 'http://gateway')
    if (!address.pathname.endsWith('/websocket')) return { refusal: { status: '404 Not Found', error: 'Not found' } }
    const version = address.searchParams.get('vsn')
    if (version !== '2.0.0')
      return { refusal: { status: '400 Bad Request', error: 'Only protocol 2.0.0 is spoken here: give vsn=2.0.0' } }
    const apikey = headers['apikey']
    const asked = new Request(address, typeof apikey === 'string' ? { headers: { apikey } } : {})
    const { caller } = await identifyKey(asked, secrets, issuer)
    if (caller) return { caller }
    const missing = apikey === undefined && !address.searchParams.get('apikey')
    const error = missing ? 'API key is missing' : 'The API key provided is not valid'
    return { refusal: { status: '401 Unauthorized', error } }
  }
}

interface Refusal {
  status: string
  error: string
}

function refuse(socket: Duplex, { status, error }: Refusal): void {
  const body = JSON.stringify({ error })
  const head = ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`, 'connection: close']
  socket.end(`HTTP/1.1 ${status}\r\n${head.join('\r\n')}\r\n\r\n${body}`)
}

/** The headers that a policy may read, as the platform passes them on. */
function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (name.startsWith('x-') ? [[name, String(value)]] : [])),
  )
}
