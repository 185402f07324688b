import process from 'node:process'
import { createInterface } from 'node:readline'
import { createCompanion, type Companion } from '../simulator/testing/companion.ts'
import { qrOf } from '../simulator/testing/linked-companion.ts'
import { closeCode } from '../simulator/testing/companion.ts'
import { createControl } from '../simulator/testing/control.ts'

/**
 * What the gateway is compared with: stock Baileys with its keys in memory and no database, in a process of its own. Reads orders, a
 * line of JSON each, and answers each with a line.
 */
for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) console[method] = () => undefined
const companions = new Map<string, Companion>()
let received = 0
let lastAt = 0

type Order =
  | { do: 'link'; webSocketUrl: string; controlUrl: string; numbers: string[] }
  | { do: 'count' }
  | { do: 'send'; sends: { from: string; to: string; text: string }[] }

const now = (): number => performance.timeOrigin + performance.now()

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await carryOut(JSON.parse(line) as Order)
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

async function carryOut(order: Order): Promise<object> {
  switch (order.do) {
    case 'link': {
      const control = createControl(order.controlUrl)
      await Promise.all(
        Array.from({ length: 6 }, async () => {
          for (let number = order.numbers.shift(); number !== undefined; number = order.numbers.shift())
            companions.set(number, await link(order.webSocketUrl, control, number))
        }),
      )
      return { linked: companions.size, pid: process.pid }
    }
    case 'count':
      return { received, lastAt }
    case 'send':
      return send(order.sends)
    default:
      return order satisfies never
  }
}

async function link(
  webSocketUrl: string,
  control: ReturnType<typeof createControl>,
  number: string,
): Promise<Companion> {
  const companion = createCompanion(webSocketUrl, { online: false })
  await control.post(`/phones/${number}/scan`, { qr: await qrOf(companion) })
  await companion.when('515', (event) => (closeCode(event) === 515 ? true : undefined))
  const from = companion.events.length
  await companion.reconnect()
  await companion.when(
    'synced',
    (event) => (event.type === 'creds.update' && event.data.accountSyncCounter ? true : undefined),
    from,
  )
  // What the test companion remembers is no part of Baileys: from here on only a counter is kept.
  companion.socket.ev.process((events) => {
    companion.events.length = 0
    companion.stanzas.length = 0
    for (const message of events['messages.upsert']?.messages ?? []) {
      if (message.key.fromMe || !message.message) continue
      received += 1
      lastAt = now()
    }
  })
  return companion
}

/** All at once, as a gateway on Baileys does; resolves when the server has acknowledged each. */
async function send(sends: { from: string; to: string; text: string }[]): Promise<object> {
  const startedAt = now()
  const acked = Promise.all(
    [...companions].map(
      ([number, { socket }]) =>
        new Promise<void>((resolve) => {
          let left = sends.filter(({ from }) => from === number).length
          if (left === 0) resolve()
          socket.ws.on('CB:ack,class:message', () => {
            left -= 1
            if (left === 0) resolve()
          })
        }),
    ),
  )
  await Promise.all(
    sends.map(async ({ from, to, text }) => companions.get(from)?.socket.sendMessage(to, { text, linkPreview: null })),
  )
  await acked
  return { ms: now() - startedAt }
}
