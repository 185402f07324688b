import makeWASocket, {
  DEFAULT_CONNECTION_CONFIG,
  type BaileysEventMap,
  type ConnectionState,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys'
import { createMemoryAuth, type MemoryAuth } from './memory-auth.ts'

/** An unmodified Baileys as somebody's linked device, with everything it told and what crossed its wire. */
export interface Companion extends AsyncDisposable {
  auth: MemoryAuth
  socket: WASocket
  /** Every event so far, oldest first. */
  events: { [E in keyof BaileysEventMap]: { type: E; data: BaileysEventMap[E] } }[keyof BaileysEventMap][]
  /** Received stanzas by tag. */
  stanzas: { tag: string; attrs: Record<string, string>; content?: unknown }[]
  /** Resolves with the first event (past ones count, unless `from`) for which `pick` gives something. */
  when<T>(what: string, pick: (event: Companion['events'][number]) => T | undefined, from?: number): Promise<T>
  /** Resolves when `done` is true; checked after each event and stanza. */
  until(what: string, done: () => boolean): Promise<void>
  messages(): WAMessage[]
  /** The highest status told of a message: 2 server, 3 delivered, 4 read. Baileys merges early ones into the message's own event. */
  status(id: string): number
  /** The texts of all messages so far, in order. */
  texts(): string[]
  /** Connects again without waiting, whatever the old socket does. */
  connect(): void
  /** Cuts the TCP connection from this end, as a crash would. */
  cutWire(): void
  /** Closes the socket and connects again with the same credentials. */
  reconnect(): Promise<void>
}

/** For `fetch`: sends every request to another origin, through Node's own dispatcher. */
function mediaFrom(origin: string): object {
  return {
    dispatch(request: object, handler: object): boolean {
      const node = (globalThis as Record<symbol, unknown>)[Symbol.for('undici.globalDispatcher.1')] as Dispatcher
      return node.dispatch({ ...request, origin }, handler)
    },
  }
}

interface Dispatcher {
  dispatch(request: object, handler: object): boolean
}

/** How the Baileys is configured. */
export interface CompanionOptions {
  online?: boolean
  keepAliveMs?: number
  /** Check the MACs of app state, which Baileys does not by default. */
  verifyAppState?: boolean
  /** Where files come from instead of the real media host. */
  mediaUrl?: string
}

/** Connects; with `auth` of an earlier companion it logs in, else it asks to be linked. */
export function createCompanion(
  webSocketUrl: string,
  options: CompanionOptions & { auth?: MemoryAuth } = {},
): Companion {
  const auth = options.auth ?? createMemoryAuth()
  const events: Companion['events'] = []
  const stanzas: Companion['stanzas'] = []
  const watchers = new Set<() => void>()
  const notify = (): void => {
    for (const watcher of watchers) watcher()
  }
  let socket = connect()

  function connect(): WASocket {
    const created = makeWASocket({
      auth: auth.state,
      waWebSocketUrl: webSocketUrl,
      logger: quiet,
      markOnlineOnConnect: options.online ?? true,
      getMessage: () => Promise.resolve(undefined),
      retryRequestDelayMs: 10,
      shouldSyncHistoryMessage: () => true,
      ...(options.mediaUrl !== undefined && { options: { dispatcher: mediaFrom(options.mediaUrl) } as RequestInit }),
      ...(options.verifyAppState && { appStateMacVerification: { patch: true, snapshot: true } }),
      ...(options.keepAliveMs !== undefined && { keepAliveIntervalMs: options.keepAliveMs }),
    })
    created.ev.process((map) => {
      if (map['creds.update']) Object.assign(auth.state.creds, map['creds.update'])
      for (const [type, data] of Object.entries(map)) events.push({ type, data } as Companion['events'][number])
      notify()
    })
    created.ws.on('frame', (node: Companion['stanzas'][number]) => {
      if ('tag' in node) stanzas.push(node)
      queueMicrotask(notify)
    })
    return created
  }

  function until(what: string, done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(check)
        reject(new Error(`never happened: ${what}; seen: ${events.map((each) => each.type).join(', ')}`))
      }, PATIENCE_MS)
      const check = (): void => {
        if (!done()) return
        clearTimeout(timer)
        watchers.delete(check)
        resolve()
      }
      watchers.add(check)
      check()
    })
  }

  async function when<T>(
    what: string,
    pick: (event: Companion['events'][number]) => T | undefined,
    from = 0,
  ): Promise<T> {
    let found: T | undefined
    await until(what, () => {
      for (const event of events.slice(from)) {
        found = pick(event)
        if (found !== undefined) return true
      }
      return false
    })
    return found as T
  }

  function messages(): WAMessage[] {
    return events.flatMap((event) => (event.type === 'messages.upsert' ? event.data.messages : []))
  }

  return {
    auth,
    get socket() {
      return socket
    },
    events,
    stanzas,
    when,
    until,
    messages,
    status: (id) =>
      Math.max(
        0,
        ...messages().map((each) => (each.key.id === id ? (each.status ?? 0) : 0)),
        ...events.flatMap((event) =>
          event.type === 'messages.update'
            ? event.data.map((each) => (each.key.id === id ? (each.update.status ?? 0) : 0))
            : [],
        ),
      ),
    texts: () =>
      messages().flatMap((each) => each.message?.conversation || each.message?.extendedTextMessage?.text || []),
    connect() {
      socket = connect()
    },
    cutWire() {
      const client: { socket?: { terminate(): void } | null } = socket.ws as object
      client.socket?.terminate()
    },
    async reconnect() {
      await socket.end(undefined)
      const from = events.length
      socket = connect()
      await when('open', (event) => connectionIs(event, 'open'), from)
    },
    async [Symbol.asyncDispose]() {
      await socket.end(undefined)
    },
  }
}

/** For `when`: true when the event says that the connection is in this state. */
export function connectionIs(
  event: Companion['events'][number],
  state: ConnectionState['connection'],
): true | undefined {
  return event.type === 'connection.update' && event.data.connection === state ? true : undefined
}

/** For `when`: the status code the connection was closed with. */
export function closeCode(event: Companion['events'][number]): number | undefined {
  if (event.type !== 'connection.update' || event.data.connection !== 'close') return undefined
  const error: unknown = event.data.lastDisconnect?.error
  const output =
    typeof error === 'object' && error && 'output' in error ? (error.output as { statusCode?: number }) : undefined
  return output?.statusCode ?? 0
}

/** Long, because it is only how long a failing test waits. */
const PATIENCE_MS = 30_000

const quiet: (typeof DEFAULT_CONNECTION_CONFIG)['logger'] = {
  level: 'silent',
  child: () => quiet,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
