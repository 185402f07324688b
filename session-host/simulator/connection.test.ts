import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { createFrameReader, frame } from './frames.ts'
import { createSimulator } from './simulator.ts'
import { createCompanion } from './testing/companion.ts'
import { qrOf } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'

const INTRO = Buffer.from([0x57, 0x41, 6, 3])

test('frames come out whole, however the stream is cut and whatever routing info precedes it', () => {
  const frames = [randomBytes(1), randomBytes(300), randomBytes(70_000)]
  const routed = Buffer.concat([Buffer.from('ED\0\x01'), Buffer.from([0, 0, 5]), randomBytes(5), INTRO])
  for (const intro of [INTRO, routed]) {
    const stream = Buffer.concat([intro, ...frames.map(frame)])
    for (const size of [1, 2, 7, 1000, stream.length]) {
      const reader = createFrameReader()
      const out: Buffer[] = []
      for (let at = 0; at < stream.length; at += size) out.push(...reader.push(stream.subarray(at, at + size)))
      expect(reader.intro).toEqual(INTRO)
      expect(out).toEqual(frames)
    }
  }
})

test('clients that break the protocol are cut off, and others go on', async () => {
  const errors: unknown[] = []
  await using simulator = await createSimulator({ port: 0, seed: 'garbage', onError: (error) => errors.push(error) })
  const hello = proto.HandshakeMessage.encode({ clientHello: { ephemeral: randomBytes(32) } }).finish()
  const streams = [
    Buffer.from('GET / HTTP/1.1'),
    Buffer.concat([INTRO, frame(randomBytes(40))]),
    Buffer.concat([INTRO, frame(Buffer.alloc(0))]),
    Buffer.concat([INTRO, frame(hello), frame(randomBytes(80))]),
    Buffer.concat([INTRO, frame(hello), frame(hello)]),
  ]
  for (const stream of streams) {
    const socket = new WebSocket(simulator.webSocketUrl)
    await once(socket, 'open')
    socket.send(stream)
    await once(socket, 'close')
  }
  expect(errors).toHaveLength(streams.length)
  await using companion = createCompanion(simulator.webSocketUrl)
  expect(await qrOf(companion)).toContain('#2@')
})

test('the socket answers only at /ws/chat', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'path' })
  const socket = new WebSocket(simulator.webSocketUrl.replace('/ws/chat', '/elsewhere'))
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error.message).toContain('404')
})
