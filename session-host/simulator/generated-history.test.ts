import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { BaileysEventMap } from '@whiskeysockets/baileys'
import { createSimulator } from './simulator.ts'
import type { Companion } from './testing/companion.ts'
import { createControl } from './testing/control.ts'
import { linkedCompanion, queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

function histories(companion: Companion): BaileysEventMap['messaging-history.set'][] {
  return companion.events.flatMap((event) => (event.type === 'messaging-history.set' ? [event.data] : []))
}

/** The digest that the simulator promises, of what the companion was given. */
function digestOf(companion: Companion): { messages: number; sha256: string } {
  const lines = new Set<string>()
  for (const { key, message, messageTimestamp } of histories(companion).flatMap((each) => each.messages)) {
    const lid = key.remoteJid?.replace('@lid', '')
    lines.add(`${lid} ${key.id} ${key.fromMe ? 1 : 0} ${Number(messageTimestamp)} ${message?.conversation}\n`)
  }
  const hash = createHash('sha256')
  // oxlint-disable-next-line require-array-sort-compare -- code units are the order that is promised
  for (const line of [...lines].toSorted()) hash.update(line)
  return { messages: lines.size, sha256: hash.digest('hex') }
}

test.for(['inline', 'external'] as const)(
  'a generated history (%s) arrives in chunks, complete, with progress',
  async (delivery) => {
    await using simulator = await createSimulator({ port: 0, seed: 'generated' })
    const control = createControl(simulator.url)
    const number = '12025550450'
    const generate = { conversations: 20, messages: 1000, chunk: 200, delivery }
    await control.post('/phones', { number, generate })
    const expected = await control.get<{ messages: number; sha256: string }>(`/phones/${number}/generated`)
    await using companion = await linkedCompanion(simulator.webSocketUrl, control, number, { mediaUrl: simulator.url })
    await companion.until('all', () => histories(companion).flatMap((each) => each.messages).length >= 1000)
    await queueEmpty(control, number)
    expect(expected.messages).toBe(1000)
    expect(digestOf(companion)).toEqual({ messages: expected.messages, sha256: expected.sha256 })
    const chunks = histories(companion).filter((each) => each.messages.length > 20)
    expect(chunks.map((each) => each.messages.length)).toEqual([200, 200, 200, 200, 180])
    expect(chunks.map((each) => each.progress)).toEqual([20, 40, 60, 80, 100])
    expect(new Set(chunks.map((each) => each.syncType))).toEqual(new Set([2, 3]))
  },
)

test('what a generated history keeps back comes on demand, and the same seed gives the same', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'on-demand' })
  const control = createControl(simulator.url)
  const number = '12025550451'
  const generate = { conversations: 3, messages: 90, chunk: 50, on_demand: 5, seed: 'x' }
  await control.post('/phones', { number, generate })
  await control.post('/phones', { number: '12025550452', generate })
  const path = (whose: string) => `/phones/${whose}/generated`
  const both = await Promise.all([number, '12025550452'].map((each) => control.get(path(each))))
  expect(both[0]).toEqual(both[1])
  await using companion = await linkedCompanion(simulator.webSocketUrl, control, number)
  await companion.until('unasked', () => digestOf(companion).messages === 75)
  const conversation = await control.get<{ lid: string; messages: { id: string; at: number; text: string }[] }>(
    `${path(number)}/conversations/1`,
  )
  const oldest = conversation.messages[5]
  await companion.socket.fetchMessageHistory(
    10,
    { remoteJid: `${conversation.lid}@lid`, id: oldest?.id ?? '', fromMe: false },
    (oldest?.at ?? 0) * 1000,
  )
  const answer = await companion.when('older', (event) =>
    event.type === 'messaging-history.set' && event.data.peerDataRequestSessionId ? event.data : undefined,
  )
  const older = conversation.messages.slice(0, 5).map((each) => each.text)
  expect(answer.messages.map((each) => each.message?.conversation)).toEqual(older.toReversed())
})
