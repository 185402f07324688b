import { expect, test } from 'vitest'
import type { EventEnvelope } from '#shared/events.ts'
import type { EventReader, SessionSummary } from '../store/event-reader.ts'
import { createPublisher } from './publisher.ts'
import type { Subscriber } from './subscriber.ts'

const logger = { info: () => {}, warn: () => {}, error: () => {} }
const user = 'u'

/** A log of one session that grows; reads can be held up to meet what happens meanwhile. */
function log() {
  const events: EventEnvelope[] = []
  let gate: Promise<void> = Promise.resolve()
  let trimmed = 0
  const summary = (): SessionSummary => ({
    id: 's',
    user_id: user,
    is_default: true,
    status: 'connected',
    status_reason: null,
    phone: null,
    first_seq: trimmed + 1,
    last_seq: events.length,
  })
  const reader: EventReader = {
    async sessionsOf() {
      await gate
      return [summary()]
    },
    session: async () => summary(),
    async eventsAfter(_, seq, limit) {
      const page = events.filter((event) => event.seq > Math.max(seq, trimmed)).slice(0, limit)
      await gate
      const known = page.filter((event) => event.at !== 'unknown kind')
      return { session: summary(), events: known, firstSeq: page[0]?.seq ?? null, lastSeq: page.at(-1)?.seq ?? seq }
    },
    linkingSecrets: async () => null,
  }
  return {
    reader,
    /** Forgets events up to a seq. */
    trim: (upTo: number): void => void (trimmed = upTo),
    append: (count: number, at = ''): void => {
      for (let n = 0; n < count; n += 1)
        events.push({
          type: 'conversation.created',
          data: { conversation_id: 'c' },
          seq: events.length + 1,
          at,
          sessionId: 's',
        })
    },
    hold: (): (() => void) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      gate = promise
      return () => {
        gate = Promise.resolve()
        resolve()
      }
    },
  }
}

/** A client that takes `room` events more before it is full. */
function subscriber(room = Infinity): Subscriber & { seqs: number[]; resyncs: number[]; room: number } {
  const seqs: number[] = []
  const resyncs: number[] = []
  const client: ReturnType<typeof subscriber> = {
    userId: user,
    seqs,
    resyncs,
    room,
    isFull: () => client.room <= 0,
    conversationIdFor: (_, externalId) => externalId,
    emit: {
      event: (event) => {
        seqs.push(event.seq)
        client.room -= 1
      },
      qrCode: () => {},
      pairingCode: () => {},
      sessionReady: () => {},
      sessionClosed: () => {},
      chatsUpdated: () => {},
      messageSent: () => {},
      resync: ({ seq }) => void resyncs.push(seq),
      presence: () => {},
    },
  }
  return client
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at)

test('a backfill and what is live meanwhile come without a gap and without a double, pages of them', async () => {
  const { reader, append } = log()
  append(1_200)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber()
  const subscribed = publisher.subscribe(client, 0)
  append(50)
  publisher.wake('s')
  await subscribed
  append(3)
  publisher.wake('s')
  await expect.poll(() => client.seqs.length).toBe(1_253)
  expect(client.seqs).toEqual(numbers(1, 1_253))
})

test('a client that asks for an earlier start while it is being fed misses nothing in between', async () => {
  const { reader, append, hold } = log()
  append(10)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber()
  await publisher.subscribe(client)
  append(5)
  const release = hold()
  publisher.wake('s')
  const again = publisher.subscribe(client, 2)
  release()
  await again
  await expect.poll(() => client.seqs.at(-1)).toBe(15)
  const from = client.seqs.indexOf(3)
  expect(client.seqs.slice(from)).toEqual(numbers(3, 15))
})

test('a cursor that is too old or from the future is answered with resync', async () => {
  const { reader, append } = log()
  append(4)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber()
  await publisher.subscribe(client, 9)
  expect(client.resyncs).toEqual([4])
  expect(client.seqs).toEqual([])
})

test('a client that left while it was subscribed is not fed', async () => {
  const { reader, append, hold } = log()
  const publisher = createPublisher({ reader, logger })
  const [gone, here] = [subscriber(), subscriber()]
  const release = hold()
  const subscribing = publisher.subscribe(gone, 0)
  publisher.unsubscribe(gone)
  release()
  await subscribing
  append(2)
  await publisher.subscribe(here, 0)
  expect(here.seqs).toEqual([1, 2])
  expect(gone.seqs).toEqual([])
})

test('a client that reads slowly gets everything in order, as fast as it reads, and nobody waits for it', async () => {
  const { reader, append } = log()
  append(1_000)
  const publisher = createPublisher({ reader, logger })
  const [slow, quick] = [subscriber(3), subscriber()]
  await publisher.subscribe(slow, 0)
  await publisher.subscribe(quick)
  expect(slow.seqs).toEqual([1, 2, 3])
  append(10)
  publisher.wake('s')
  await expect.poll(() => quick.seqs).toEqual(numbers(1_001, 1_010))
  expect(slow.seqs).toEqual([1, 2, 3])
  while (slow.seqs.length < 1_010) {
    const before = slow.seqs.length
    slow.room = 7
    publisher.resume(slow)
    await expect.poll(() => slow.seqs.length, { interval: 1 }).toBe(Math.min(before + 7, 1_010))
  }
  expect(slow.seqs).toEqual(numbers(1, 1_010))
  expect(slow.resyncs).toEqual([])
})

test('a client that does not read and falls far behind is told to resync once, and goes on from there when it reads', async () => {
  const { reader, append } = log()
  const publisher = createPublisher({ reader, logger })
  const [stuck, quick] = [subscriber(2), subscriber()]
  await publisher.subscribe(stuck)
  await publisher.subscribe(quick)
  for (let round = 1; round <= 8; round += 1) {
    append(1_000)
    publisher.wake('s')
    await expect.poll(() => quick.seqs.length).toBe(round * 1_000)
  }
  expect(stuck.seqs).toEqual([1, 2])
  const [place] = stuck.resyncs
  expect(stuck.resyncs).toHaveLength(1)
  expect(place).toBeGreaterThan(5_000)
  stuck.room = Infinity
  publisher.resume(stuck)
  await expect.poll(() => stuck.seqs.at(-1)).toBe(8_000)
  expect(stuck.seqs).toEqual([1, 2, ...numbers((place ?? 0) + 1, 8_000)])
})

test('a long backfill that was asked for is no reason to resync, however slowly it is read', async () => {
  const { reader, append } = log()
  append(20_000)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber(10)
  await publisher.subscribe(client, 0)
  append(100)
  publisher.wake('s')
  await expect.poll(() => client.seqs.length).toBe(10)
  client.room = Infinity
  publisher.resume(client)
  await expect.poll(() => client.seqs.length).toBe(20_100)
  expect(client.resyncs).toEqual([])
})

test('a client whose next events were trimmed while it was full is told so, not answered with a gap', async () => {
  const { reader, append, trim } = log()
  append(20)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber(5)
  await publisher.subscribe(client, 0)
  trim(10)
  client.room = Infinity
  publisher.resume(client)
  await expect.poll(() => client.resyncs).toEqual([20])
  append(1)
  publisher.wake('s')
  await expect.poll(() => client.seqs).toEqual([1, 2, 3, 4, 5, 21])
})

test('events of kinds that this host does not know stand in nobody’s way, however many', async () => {
  const { reader, append } = log()
  append(1)
  append(900, 'unknown kind')
  append(1)
  const publisher = createPublisher({ reader, logger })
  const client = subscriber()
  await publisher.subscribe(client, 0)
  expect(client.seqs).toEqual([1, 902])
})
