import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { handleInOrder } from './handle-in-order.ts'

function source(): EventEmitter & { isOpen: boolean } {
  return Object.assign(new EventEmitter(), { isOpen: true })
}
const node = (id: string, offline?: string): BinaryNode => ({
  tag: 'message',
  attrs: { id, ...(offline ? { offline } : {}) },
})

test('messages are handled one after another in the order in which they came, failures and backlog included', async () => {
  const ws = source()
  const log: string[] = []
  const handle = async ({ attrs }: BinaryNode): Promise<void> => {
    // The first ones take longest, as lookups of unknown senders do.
    await pause(attrs['id'] === 'a' ? 30 : 1)
    log.push(`${attrs['id']}${attrs['offline'] ?? ''}`)
    if (attrs['id'] === 'b') throw new Error('bad')
  }
  // As Baileys does: the promise is nobody's.
  // oxlint-disable-next-line typescript/no-misused-promises
  ws.on('CB:message', handle)
  const failures: unknown[] = []
  const done = Promise.withResolvers<void>()
  handleInOrder(
    ws,
    {
      before: ({ attrs }) => void log.push(`before ${attrs['id']} ${attrs['offline'] ?? 'live'}`),
      after: ({ attrs }) => {
        log.push(`after ${attrs['id']}`)
        if (attrs['id'] === 'c') done.resolve()
      },
    },
    (error) => failures.push(error),
  )
  ws.emit('CB:message', node('a', '1'))
  ws.emit('CB:message', node('b'))
  ws.emit('CB:message', node('c'))
  await done.promise
  expect(log).toEqual(['before a 1', 'before b live', 'before c live', 'a', 'after a', 'b', 'c', 'after c'])
  expect(failures).toHaveLength(1)
})

test('what waits when the connection ends is not handled: it could not be answered', async () => {
  const ws = source()
  const handled: string[] = []
  // oxlint-disable-next-line typescript/no-misused-promises
  ws.on('CB:message', async ({ attrs }: BinaryNode) => {
    handled.push(String(attrs['id']))
    ws.isOpen = false
  })
  handleInOrder(ws, { before: () => {}, after: () => {} }, () => {})
  ws.emit('CB:message', node('a'))
  ws.emit('CB:message', node('b'))
  await pause(5)
  expect(handled).toEqual(['a'])
})

test('a library that no longer listens there is noticed', () => {
  expect(() => handleInOrder(source(), { before: () => {}, after: () => {} }, () => {})).toThrow(
    'internals have changed',
  )
})
