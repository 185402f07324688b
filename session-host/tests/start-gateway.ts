import { randomBytes, randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { createTestStack, type TestStackOptions } from '../../supabase/local/create-test-stack.ts'
import type { ServedDatabase } from '../../supabase/local/serve-database.ts'
import { readConfig, type Config } from '../config.ts'
import type { HostTiming } from '../host-timing.ts'
import { createHost, silenceLibsignal, type Host } from '../host.ts'
import { createSimulator, type Simulator } from '../simulator/simulator.ts'
import { createControl, type Control, type ShownMessage } from '../simulator/testing/control.ts'
import { connectClient, type ClientOptions, type TestClient } from './connect-client.ts'
import { createDatabaseWatch, type DatabaseWatch } from './database-watch.ts'
import { unpaced } from './unpaced.ts'

/** The whole product in this process, with a database, a gateway and a WhatsApp of its own. */
export interface Gateway extends AsyncDisposable {
  stack: ServedDatabase
  simulator: Simulator
  control: Control
  database: DatabaseWatch
  /** What a host of this gateway is started with, as the environment names it. */
  environment: Record<string, string>
  /** The host of the moment. */
  readonly url: string
  /** What the hosts logged, a JSON line each, debug included. */
  logs: string[]
  createMember(name?: string): Promise<Member>
  /** A stock client, signed in with nothing yet; closed with the gateway. */
  connect(options?: ClientOptions): Promise<TestClient>
  /** A client that has joined. */
  join(member: Member): Promise<TestClient>
  /** Another host on the same database. */
  startHost(settings?: HostSettings): Promise<Host>
  /** Stops the gateway's host gracefully. */
  stopHost(): Promise<void>
  /** Stops the host, unless that was done, and starts another. */
  restartHost(settings?: HostSettings): Promise<void>
  /** From now on clients and requests go to another host; undefined: to the gateway’s own again. */
  moveTo(url: string | undefined): void
  /** Makes the phone and links it over the socket, as the guide says. Resolves when it is connected and its history is in. */
  linkPhone(member: Member, phone: Phone): Promise<LinkedPhone>
  rest<T = RestAnswer>(
    member: Member,
    method: 'GET' | 'POST',
    path: string,
    body?: object,
    headers?: object,
  ): Promise<T>
  /** Waits until a phone shows a message that fits. */
  shown(number: string, other: string, fits: (message: ShownMessage) => boolean): Promise<ShownMessage>
  messagesOf(number: string, other: string): Promise<ShownMessage[]>
}

export interface HostSettings {
  timing?: Partial<HostTiming>
  environment?: Record<string, string>
  isFetchable?: (address: string) => boolean
}

export interface Member {
  id: string
  token: string
  mint(options?: Parameters<ServedDatabase['mintToken']>[1]): Promise<string>
}

export interface Phone {
  number: string
  lid: string
  name?: string
  contacts?: { number: string; lid: string; name: string; push_name?: string }[]
  history?: object[]
}

export interface LinkedPhone extends Phone {
  sessionId: string
}

export type RestAnswer = { status: number; body: Record<string, unknown> & { error?: { code: string } } }

export const ana: Phone = { number: '34600000001', lid: '200000000000001', name: 'Ana' }
export const bea = { number: '34600000002', lid: '200000000000002', name: 'Bea Ruiz', push_name: 'Bea' }
export const jidOf = (phone: { number: string }): string => `${phone.number}@s.whatsapp.net`
export const lidOf = (phone: { lid: string }): string => `${phone.lid}@lid`

export interface GatewayOptions extends HostSettings {
  stack?: TestStackOptions
  /** false: no host yet. */
  host?: boolean
  receiptDelayMs?: number
}

/** @see Gateway */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  await using started = new AsyncDisposableStack()
  const loud = silenceLibsignal()
  started.defer(loud)
  const stack = started.use(await createTestStack(options.stack ?? {}))
  // One seed: the root certificate that Baileys trusts is the process's.
  const simulator = started.use(
    await createSimulator({ port: 0, seed: 'gateway', receiptDelayMs: options.receiptDelayMs ?? 250 }),
  )
  const control = createControl(simulator.url)
  const database = started.use(await createDatabaseWatch(stack.adminDatabaseUrl))
  const environment: Record<string, string> = {
    ...stack.environment,
    WHATSAPP_WEB_SOCKET_URL: simulator.webSocketUrl,
    WHATSAPP_ROOT_CERT_KEY: simulator.rootCertKey,
    WHATSAPP_MEDIA_CA_CERT: simulator.mediaCaCert,
    ...unpaced,
    AUTH_STATE_KEY: `test:${randomBytes(32).toString('base64')}`,
    CORS_ORIGINS: 'http://localhost:3000',
    PORT: '0',
    LOG_LEVEL: 'debug',
    ...options.environment,
  }
  const logs: string[] = []
  const logger = pino({ level: 'debug' }, { write: (line) => void logs.push(line) })
  const clients = started.use(new AsyncDisposableStack())
  let host: Host | undefined
  let elsewhere: string | undefined
  started.defer(() => stopHost())

  async function startHost(settings: HostSettings = {}): Promise<Host> {
    const config: Config = readConfig({ ...environment, ...settings.environment })
    return createHost({
      config,
      authStateKeys: config.authStateKeys ?? [],
      logger,
      hostname: '127.0.0.1',
      ...(settings.isFetchable ? { isFetchable: settings.isFetchable } : {}),
      // A lease that a busy machine does not lose by itself.
      timing: { leaseSeconds: 10, scanMs: 500, stableMs: 0, backoffMs: 200, ...options.timing, ...settings.timing },
    })
  }
  async function stopHost(): Promise<void> {
    const last = host
    host = undefined
    await last?.[Symbol.asyncDispose]()
  }
  function url(): string {
    if (elsewhere) return elsewhere
    if (!host) throw new Error('no host is running')
    return `http://127.0.0.1:${host.port}`
  }
  async function connect(clientOptions: ClientOptions = {}): Promise<TestClient> {
    return clients.use(await connectClient(url(), clientOptions))
  }
  async function join(member: Member): Promise<TestClient> {
    const client = await connect()
    const answer = await client.ask('join', { token: member.token })
    if (!answer.ok) throw new Error(answer.error.code)
    return client
  }

  if (options.host !== false) host = await startHost()
  const running = started.move()
  return {
    stack,
    simulator,
    control,
    database,
    environment,
    logs,
    connect,
    join,
    startHost,
    stopHost,
    get url() {
      return url()
    },
    async restartHost(settings) {
      await stopHost()
      host = await startHost(settings)
    },
    moveTo(there) {
      elsewhere = there
    },
    async createMember(name = randomUUID().slice(0, 8)) {
      const { id } = await stack.createUser({ email: `${name}@example.com`, password: 'secret-password' })
      const mint: Member['mint'] = (mintOptions) => stack.mintToken({ sub: id }, mintOptions)
      return { id, token: await mint(), mint }
    },
    async linkPhone(member, phone) {
      await control.post('/phones', { contacts: [], history: [], ...phone })
      await using client = await connectClient(url())
      await client.ask('join', { token: member.token })
      client.emit('get-qr', {})
      const image = await client.next<string>('qr-code')
      await control.post(`/phones/${phone.number}/scan`, { image })
      const { sessionId } = await client.next<{ sessionId: string }>('session-ready')
      await database.until(
        'select 1 from public.whatsapp_sessions where id = $1 and sync_status = $2',
        [sessionId, 'complete'],
        (rows) => rows.length > 0,
      )
      return { ...phone, sessionId }
    },
    async rest<T>(member: Member, method: 'GET' | 'POST', path: string, body?: object, headers: object = {}) {
      const response = await fetch(`${url()}/api/whatsapp/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${member.token}`,
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...headers,
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return { status: response.status, body: (await response.json()) as RestAnswer['body'] } as T
    },
    messagesOf: async (number, other) =>
      (await control.get<{ messages: ShownMessage[] }>(`/phones/${number}/messages?with=${other}`)).messages,
    shown: (number, other, fits) =>
      control.until(async () => {
        const { messages } = await control.get<{ messages: ShownMessage[] }>(`/phones/${number}/messages?with=${other}`)
        return messages.find(fits)
      }),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
