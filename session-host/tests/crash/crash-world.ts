import { randomBytes } from 'node:crypto'
import type { ServedDatabase } from '../../../supabase/local/serve-database.ts'
import { createSerialQueue, type SerialQueue } from '../../sessions/serial-queue.ts'
import { connectClient } from '../connect-client.ts'
import { createDatabaseWatch, type DatabaseWatch } from '../database-watch.ts'
import { startHostProcess, type HostProcess } from '../start-host-process.ts'
import { followConsumer, type Consumer } from './consumer.ts'
import { followSimulator, type SimulatorEvents } from './simulator-events.ts'
import { startSimulatorProcess, type SimulatorProcess } from './start-simulator-process.ts'
import { unpaced } from '../unpaced.ts'

/** A user with a linked phone, and everything that was said and submitted for it, in order. */
export interface Account {
  userId: string
  token: string
  sessionId: string
  number: string
  /** Who writes to it. */
  contacts: string[]
  groupJid: string
  /** What phones sent, by chat, in the order in which they did: what the database must hold. */
  said: { chat: string; text: string }[]
  /** What the product was asked to send, by contact, in order. */
  submitted: { contact: string; text: string }[]
  consumer: Consumer
  /** One after another, so that the order in which they were said, and asked for, is known. */
  turns: { say: SerialQueue; submit: SerialQueue }
}

/** Database, simulator and hosts in processes of their own, and the traffic between them. */
export interface CrashWorld extends AsyncDisposable {
  stack: ServedDatabase
  watch: DatabaseWatch
  simulator: SimulatorProcess
  events: SimulatorEvents
  accounts: Account[]
  /** The host that runs the sessions. */
  active(): HostProcess
  /** SIGKILL to the host that runs the sessions. Resolves with its holder id when it is dead. */
  kill(): Promise<string>
  /** A dead host's leases have run out: the host that stands by takes over. Another one stands by next. */
  takeOver(deadHolder: string): Promise<void>
  /** The host that stands by is from now on the one that clients go to; another one stands by next. */
  switchToStandby(): Promise<void>
  /** A phone speaks to the account: a contact, a group member, or the account's own phone. */
  say(account: Account, from: 'contact' | 'own' | 'group', at?: number): Promise<{ id: string }>
  /** A user asks the product to send; asked again of another host, with the same key, when one dies meanwhile. Gives the message's id. */
  submit(account: Account, how?: SubmitOptions): Promise<Submitted>
  /** A conversation with somebody to whom nothing was ever sent; gives the number. */
  meet(account: Account): Promise<string>
  /** The URL of the host that stands by. */
  standbyUrl(): Promise<string>
  /** Links a phone that is new, its history as given; resolves when the phone says that it is linked. */
  scanNewPhone(options?: { generate?: object }): Promise<{ account: Account; linked: Promise<void> }>
}

export interface CrashWorldOptions {
  accounts: number
  /** Of the hosts, beside what they need. */
  environment?: Record<string, string>
  /** Whether the next host is started before it is needed; without it the active one is the only one that can own a session. Default true. */
  startsAhead?: boolean
}

export interface SubmitOptions {
  /** The recipient; without it the account's contact number `at`. */
  contact?: string
  at?: number
  /** A host other than the active one. */
  through?: string
}

export interface Submitted {
  id: string
  waId: string
  text: string
  contact: string
}

/** @see CrashWorld */
export async function createCrashWorld(
  stack: ServedDatabase,
  { accounts: count, environment: settings = {}, startsAhead = true }: CrashWorldOptions,
): Promise<CrashWorld> {
  await using started = new AsyncDisposableStack()
  const watch = started.use(await createDatabaseWatch(stack.adminDatabaseUrl))
  const simulator = started.use(await startSimulatorProcess(['--receipt-delay', '100']))
  const events = started.use(await followSimulator(simulator.url))
  const environment: Record<string, string> = {
    ...stack.environment,
    ...simulator.environment,
    ...unpaced,
    AUTH_STATE_KEY: `test:${randomBytes(32).toString('base64')}`,
    CORS_ORIGINS: 'http://localhost:3000',
    PORT: '0',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const { control } = simulator
  const accounts: Account[] = []
  let active = await startHostProcess(environment)
  let standby: Promise<HostProcess> | undefined
  started.defer(async () => {
    await Promise.allSettled([active.end(), standby?.then((host) => host.end())])
  })
  let numbers = 0
  let texts = 0
  let people = 0

  /** The host that stands by; started when it is asked for, unless one was started ahead. */
  function standingBy(): Promise<HostProcess> {
    if (!standby) {
      standby = startHostProcess(environment)
      standby.catch(() => undefined)
    }
    return standby
  }

  /** Nobody but the active host is there to take what is new. */
  async function dismissStandby(): Promise<void> {
    const dismissed = standby
    standby = undefined
    await dismissed?.then((host) => host.end())
  }

  async function holderOf(sessionId: string): Promise<string> {
    const [row] = await watch.query<{ holder: string }>(
      'select holder from private.session_leases where session_id = $1',
      [sessionId],
    )
    if (!row) throw new Error('the session has no owner')
    return row.holder
  }

  async function scanNewPhone({ generate }: { generate?: object } = {}): Promise<{
    account: Account
    linked: Promise<void>
  }> {
    numbers += 1
    const number = `346${String(10_000_000 + numbers)}`
    const contacts = [1, 2].map((n) => `3469${n}${String(100_000 + numbers)}0`)
    const { id: userId } = await stack.createUser({ email: `crash${numbers}@example.com`, password: 'secret-password' })
    const token = await stack.mintToken({ sub: userId })
    await control.post('/phones', {
      number,
      name: `Cuenta ${numbers}`,
      contacts: contacts.map((each, n) => ({ number: each, name: `Contacto ${n}`, push_name: `C${n}` })),
      history: [],
      ...(generate ? { generate } : {}),
    })
    await dismissStandby()
    await using client = await connectClient(active.url)
    await client.ask('join', { token })
    client.emit('get-qr', {})
    const image = await client.next<string>('qr-code')
    const [session] = await watch.query<{ id: string }>('select id from public.whatsapp_sessions where user_id = $1', [
      userId,
    ])
    if (!session) throw new Error('no session')
    const consumer = await followConsumer({ sessionId: session.id, token, url: () => active.url })
    const account: Account = {
      userId,
      token,
      sessionId: session.id,
      number,
      contacts,
      groupJid: '',
      said: [],
      submitted: [],
      consumer,
      turns: { say: createSerialQueue(), submit: createSerialQueue() },
    }
    return { account, linked: control.post(`/phones/${number}/scan`, { image }).then(() => undefined) }
  }

  async function sayNow(account: Account, from: 'contact' | 'own' | 'group', at = 0): Promise<{ id: string }> {
    texts += 1
    const text = `dicho ${texts}`
    const contact = account.contacts[at % account.contacts.length] ?? ''
    const [speaker, to] =
      from === 'own'
        ? [account.number, contact]
        : from === 'group'
          ? [contact, account.groupJid]
          : [contact, account.number]
    // Before it leaves: whatever happens next, it may have been said.
    account.said.push({ chat: from === 'group' ? account.groupJid : contact, text })
    return control.post<{ id: string }>(`/phones/${speaker}/say`, { to, text })
  }

  async function submitNow(
    account: Account,
    { contact: wanted, at = 0, through }: SubmitOptions = {},
  ): Promise<Submitted> {
    texts += 1
    const text = `enviado ${texts}`
    const contact = wanted ?? account.contacts[at % account.contacts.length] ?? ''
    account.submitted.push({ contact, text })
    const { message } = await ask<{ message: { id: string; wa_id: string } }>(
      account,
      'send_message',
      { conversationId: `${contact}@s.whatsapp.net`, textContent: text },
      text,
      through,
    )
    return { id: message.id, waId: message.wa_id, text, contact }
  }

  async function meet(account: Account): Promise<string> {
    people += 1
    const number = `3468${String(10_000_000 + people)}`
    await control.post(`/phones/${account.number}/contacts`, { number, name: `Desconocido ${people}` })
    await ask(account, 'start_conversation', { phone: `+${number}` }, `meet ${number}`)
    return number
  }

  /** Asked again of another host, with the same key, when one dies meanwhile. */
  async function ask<T>(account: Account, route: string, body: object, key: string, through?: string): Promise<T> {
    for (;;) {
      const answer = await fetch(`${through ?? active.url}/api/whatsapp/${route}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${account.token}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify(body),
      }).catch(() => undefined)
      const result = (await answer?.json().catch(() => undefined)) as { success: boolean } | undefined
      if (result?.success) return result as T
      if (answer && answer.status < 500) throw new Error(`${route}: ${answer.status} ${JSON.stringify(result)}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function switchToStandby(): Promise<void> {
    active = await standingBy()
    standby = undefined
    if (startsAhead) void standingBy().catch(() => undefined)
  }

  const world: CrashWorld = {
    stack,
    watch,
    simulator,
    events,
    accounts,
    active: () => active,
    async kill() {
      const [first] = accounts
      const holder = first ? await holderOf(first.sessionId) : ''
      active.signal('SIGKILL')
      await active.exited
      return holder
    },
    switchToStandby,
    async takeOver(deadHolder) {
      await switchToStandby()
      const rows = await watch.query<{ session_id: string }>(
        `update private.session_leases set expires_at = clock_timestamp() where holder = $1 returning session_id`,
        [deadHolder],
      )
      for (const { session_id: id } of rows) await watch.query(`select pg_notify('session_wake', $1)`, [id])
    },
    say: (account, from, at) => account.turns.say.add(() => sayNow(account, from, at)),
    submit: (account, how) => account.turns.submit.add(() => submitNow(account, how)),
    meet,
    standbyUrl: async () => (await standingBy()).url,
    scanNewPhone,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }

  for (let made = 0; made < count; made += 1) {
    const { account, linked } = await scanNewPhone()
    started.defer(() => account.consumer[Symbol.asyncDispose]())
    await linked
    await watch.until(
      `select 1 from public.whatsapp_sessions where id = $1 and status = 'connected'`,
      [account.sessionId],
      (rows) => rows.length > 0,
    )
    const [one = '', two = ''] = account.contacts
    const group = await control.post<{ jid: string }>('/groups', {
      by: one,
      subject: `Grupo ${made}`,
      members: [{ number: two }, { number: account.number }],
    })
    account.groupJid = group.jid
    accounts.push(account)
    for (const [at] of account.contacts.entries()) await world.say(account, 'contact', at)
    await world.say(account, 'group')
  }
  if (startsAhead) void standingBy().catch(() => undefined)
  const running = started.move()
  return world
}
