import type { TestClient } from '../tests/connect-client.ts'
import { bareNumbers, startBareBaileys } from './start-bare-baileys.ts'
import { analyze, createBenchGateway, type BenchGateway } from './bench-gateway.ts'
import {
  atLeast,
  atMost,
  distributionOf,
  rounded,
  type Benchmark,
  type BenchmarkOptions,
  type BenchmarkOutcome,
} from './benchmark.ts'

const sessions = 10
const contacts = 4
const messages = 2_000
/** Messages accepted one after another, as fast as they are: the host sends those before meanwhile. */
const accepts = 500
/** Messages accepted while nothing is on its way out. */
const acceptsAtRest = 100

export const send: Benchmark = {
  name: 'send',
  summary:
    'accepting over the socket, and draining the outbox with pacing off beside bare Baileys; then again with a kill',
  run,
}

interface Send {
  from: string
  to: string
  text: string
}

async function run({ scale, log }: BenchmarkOptions): Promise<BenchmarkOutcome> {
  const count = Math.max(2, Math.round(sessions * scale))
  const each = Math.max(20, Math.round((messages * scale) / count))
  await using gateway = await createBenchGateway(log)
  await gateway.link(count)
  const recipients = await makeContacts(gateway)
  const clients = await Promise.all(gateway.accounts.map((account) => gateway.join(account)))
  await using open = new AsyncDisposableStack()
  for (const client of clients) open.use(client)
  await openConversations(gateway, recipients)
  await analyze(gateway)

  log(`${accepts} messages accepted, one after another`)
  const accepted: number[] = []
  for (let n = 0; n < Math.max(50, Math.round(accepts * scale)); n += 1) {
    const startedAt = performance.now()
    await submit(clients[n % clients.length], recipients[n % contacts] ?? '', `aceptado ${n}`)
    accepted.push(performance.now() - startedAt)
  }
  await drained(gateway)
  log(`${acceptsAtRest} messages accepted, each when the last one is sent`)
  const atRest: number[] = []
  for (let n = 0; n < Math.max(20, Math.round(acceptsAtRest * scale)); n += 1) {
    const startedAt = performance.now()
    await submit(clients[n % clients.length], recipients[n % contacts] ?? '', `en reposo ${n}`)
    atRest.push(performance.now() - startedAt)
    await drained(gateway)
  }

  log(`${count} sessions, ${each} messages each: the gateway, a gateway that is killed, then bare Baileys`)
  const drainMs = await drain(gateway, clients, recipients, each, 'a')
  const kill = await drainWithKill(gateway, clients, recipients, each)
  await gateway.endHost('SIGTERM')
  await using bare = await startBareBaileys(gateway.simulator, count)
  const numbers = bareNumbers(count)
  const sends = numbers.flatMap((from) =>
    Array.from({ length: each }, (_, n): Send => ({
      from,
      to: jid(recipients[n % contacts] ?? ''),
      text: `solo ${n}`,
    })),
  )
  // A first message to each opens the sessions, as the gateway's were.
  await bare.ask({ do: 'send', sends: sends.filter((_, n) => n % each < contacts) })
  const { ms: bareMs } = await bare.ask<{ ms: number }>({ do: 'send', sends })
  const perSecond = (ms: number): number => rounded((count * each * 1_000) / ms)
  return {
    workload: { sessions: count, messagesEach: each, contactsEach: contacts, pacing: 'off' },
    results: {
      acceptedMs: distributionOf(accepted),
      acceptedAtRestMs: distributionOf(atRest),
      drainedPerSecond: perSecond(drainMs),
      afterKill: kill,
    },
    baseline: { bareBaileysPerSecond: perSecond(bareMs) },
    goals: [
      atMost('accepted p99 ≤ 20 ms', distributionOf(accepted).p99, 20),
      atLeast('drain ≥ 0.6× of bare Baileys', bareMs / drainMs, 0.6),
      atMost('lost or doubled after a kill: none', kill.lost + kill.doubled, 0),
    ],
  }
}

function jid(number: string): string {
  return `${number}@s.whatsapp.net`
}

async function makeContacts({ simulator, accounts }: BenchGateway): Promise<string[]> {
  const numbers = Array.from({ length: contacts }, (_, n) => `3467700000${n}`)
  for (const number of numbers)
    await simulator.control.post('/phones', { number, name: `Destino ${number}`, contacts: [], history: [] })
  for (const account of accounts)
    for (const number of numbers)
      await simulator.control.post(`/phones/${account.number}/contacts`, { number, name: `Destino ${number}` })
  return numbers
}

/** A message from each contact makes the conversation, and one back the session. */
async function openConversations(gateway: BenchGateway, recipients: string[]): Promise<void> {
  for (const account of gateway.accounts)
    for (const number of recipients)
      await gateway.simulator.control.post(`/phones/${number}/say`, { to: account.number, text: 'hola' })
  await gateway.watch.until<{ count: number }>(
    `select count(*)::int from public.messages_new where text_content = 'hola'`,
    [],
    ([row]) => (row?.count ?? 0) >= gateway.accounts.length * recipients.length,
  )
}

async function submit(client: TestClient | undefined, to: string, text: string): Promise<void> {
  const answer = await client?.ask('send-message', { conversationId: jid(to), textContent: text })
  if (!answer?.ok) throw new Error(answer ? answer.error.code : 'no client')
}

async function drained({ watch }: BenchGateway): Promise<void> {
  await watch.until<{ count: number }>(
    `select count(*)::int from private.session_commands where status in ('queued', 'claimed')`,
    [],
    ([row]) => row?.count === 0,
  )
}

/** All accounts submit all their messages at once; the time until the last is acknowledged. */
async function drain(
  gateway: BenchGateway,
  clients: TestClient[],
  recipients: string[],
  each: number,
  name: string,
): Promise<number> {
  const startedAt = performance.now()
  await submitAll(clients, recipients, each, name)
  await drained(gateway)
  return performance.now() - startedAt
}

async function submitAll(clients: TestClient[], recipients: string[], each: number, name: string): Promise<void> {
  await Promise.all(
    clients.map(async (client, at) => {
      const answers = []
      for (let n = 0; n < each; n += 1)
        answers.push(submit(client, recipients[n % contacts] ?? '', `envío ${name} ${at} ${n}`))
      await Promise.all(answers)
    }),
  )
}

/** The host is killed when a third has left; another one sends the rest. */
async function drainWithKill(
  gateway: BenchGateway,
  clients: TestClient[],
  recipients: string[],
  each: number,
): Promise<{ lost: number; doubled: number }> {
  const total = clients.length * each
  await submitAll(clients, recipients, each, 'k')
  await gateway.watch.until<{ count: number }>(
    `select count(*)::int from public.messages_new where text_content like 'envío k %' and status <> 'pending'`,
    [],
    ([row]) => (row?.count ?? 0) >= Math.min(total / 3, total - 1),
  )
  await gateway.endHost('SIGKILL')
  await gateway.startHost()
  await drained(gateway)
  const texts: string[] = []
  for (const number of recipients)
    for (const account of gateway.accounts) {
      const { messages: shown } = await gateway.simulator.control.get<{ messages: { text: string }[] }>(
        `/phones/${number}/messages?with=${account.number}`,
      )
      texts.push(...shown.map(({ text }) => text).filter((text) => text.startsWith('envío k ')))
    }
  const unique = new Set(texts).size
  return { lost: total - unique, doubled: texts.length - unique }
}
