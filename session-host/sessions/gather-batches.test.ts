import { expect, test } from 'vitest'
import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import { createGathering } from './gather-batches.ts'
import { createSerialQueue } from './serial-queue.ts'

function message(n: number): InboundBatch {
  const content: InboundMessage = {
    chat: 'a',
    waId: String(n),
    fromMe: false,
    at: n,
    type: 'text',
    text: null,
    status: 'received',
    live: true,
  }
  return { ...emptyBatch(), messages: [content], inbox: [`key ${n}`] }
}

test('messages that come while others are stored are stored together, in order, and none passes what came between', async () => {
  const queue = createSerialQueue()
  const stored: string[][] = []
  const gate = Promise.withResolvers<void>()
  const gathering = createGathering({
    run: (task) => {
      gathering.split()
      return queue.add(async () => {
        await task()
        return true
      })
    },
    project: async (batch) => void stored.push(batch.messages.map(({ waId }) => waId)),
  })
  const all = [gathering.add(message(1), gate.promise)]
  await Promise.resolve()
  all.push(gathering.add(message(2), null), gathering.add(message(3), null))
  all.push(gathering.add({ ...emptyBatch(), receipts: [{ chat: 'a', waId: '1', fromMe: true, status: 'read' }] }, null))
  all.push(gathering.add(message(4), null), gathering.add(message(5), null))
  gate.resolve()
  expect(await Promise.all(all)).toEqual([true, true, true, true, true, true])
  expect(stored).toEqual([['1'], ['2', '3'], [], ['4', '5']])
})
