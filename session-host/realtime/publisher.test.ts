import { expect, test } from 'vitest'
import type { EventEnvelope } from '#shared/events.ts'
import type { EventReader, SessionSummary } from '../store/event-reader.ts'
import { createPublisher, type Subscriber } from './publisher.ts'

const logger = { info: () => {}, warn: () => {}, error: () => {} }
const user = 'u'

/** A log of one session that grows; reads can be held up to meet what happens meanwhile. */
function log() {
  const events: EventEnvelope[] = []
  let gate: Promise<void> = Promise.resolve()
  const summary = (): SessionSummary => ({
    id: 's',
    user_id: user,
    is_default: true,
    status: 'connected',
    status_reason: null,
    phone: null,
    first_seq: 1,
    last_seq: events.length,
  })
  const reader: EventReader = {
    async sessionsOf() {
      await gate
      return [summary()]
    },
    session: async () => summary(),
    async eventsAfter(_, seq, limit) {
      const page = events.filter((event) => event.seq > seq).slice(0, limit)
      await gate
      return page
    },
    linkingSecrets: async () => null,
  }
  return {
    reader,
    append: (count: number): void => {
      for (let at = 0; at < count; at += 1)
        events.push({
          type: 'conversation.created',
          data: { conversation_id: 'c' },
          seq: events.length + 1,
          at: '',
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

function subscriber(): Subscriber & { seqs: number[]; resyncs: number[] } {
  const seqs: number[] = []
  const resyncs: number[] = []
  return {
    userId: user,
    seqs,
    resyncs,
    conversationIdFor: (_, externalId) => externalId,
    emit: {
      event: (event) => void seqs.push(event.seq),
      qrCode: () => {},
      pairingCode: () => {},
      sessionReady: () => {},
      sessionClosed: () => {},
      chatsUpdated: () => {},
      messageSent: () => {},
      resync: ({ seq }) => void resyncs.push(seq),
    },
  }
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
