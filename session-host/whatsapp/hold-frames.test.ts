import { expect, test } from 'vitest'
import { holdFrames } from './hold-frames.ts'

function sink() {
  const sent: number[] = []
  return { sent, send: (data: Uint8Array, ...rest: unknown[]) => void (sent.push(data[0] ?? -1), rest.length) }
}

test('a frame leaves after the commit of what came before it, in order, and who sent it does not wait', async () => {
  const wire = sink()
  const commits = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let pending: Promise<void> | null = null
  const held = holdFrames(wire, () => pending)
  wire.send(Uint8Array.of(1))
  expect(wire.sent).toEqual([1])
  pending = commits[0]?.promise ?? null
  await new Promise<void>((resolve) => wire.send(Uint8Array.of(2), () => resolve()))
  pending = commits[1]?.promise ?? null
  wire.send(Uint8Array.of(3))
  pending = null
  wire.send(Uint8Array.of(4))
  expect(wire.sent).toEqual([1])
  expect(held.isHolding()).toBe(true)
  commits[1]?.resolve()
  await Promise.resolve()
  expect(wire.sent).toEqual([1])
  commits[0]?.resolve()
  await expect.poll(() => wire.sent).toEqual([1, 2, 3, 4])
  expect(held.isHolding()).toBe(false)
})

test('after a commit that failed no frame leaves any more', async () => {
  const wire = sink()
  const failed = Promise.reject(new Error('away'))
  failed.catch(() => undefined)
  let pending: Promise<void> | null = failed
  holdFrames(wire, () => pending)
  wire.send(Uint8Array.of(1))
  await failed.catch(() => undefined)
  pending = null
  wire.send(Uint8Array.of(2))
  await new Promise((resolve) => setImmediate(resolve))
  expect(wire.sent).toEqual([])
})

test('a frame whose own ratchet is not stored yet waits until it is, and then for the commit', async () => {
  const wire = sink()
  const stored = Promise.withResolvers<void>()
  const committed = Promise.withResolvers<void>()
  let pending: Promise<void> | null = null
  let ratchet: Promise<void> | null = stored.promise
  const held = holdFrames(wire, () => pending, { unstored: () => ratchet })
  wire.send(Uint8Array.of(1))
  ratchet = null
  wire.send(Uint8Array.of(2))
  pending = committed.promise
  stored.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(wire.sent).toEqual([])
  expect(held.isHolding()).toBe(true)
  committed.resolve()
  await expect.poll(() => wire.sent).toEqual([1, 2])
})

test('a frame whose ratchet is never stored does not leave, and neither does anything after it', async () => {
  const wire = sink()
  const lost: unknown[] = []
  const failed = Promise.reject(new Error('rolled back'))
  let ratchet: Promise<void> | null = failed
  holdFrames(wire, () => null, { unstored: () => ratchet, onLost: (error) => lost.push(error) })
  wire.send(Uint8Array.of(1))
  ratchet = null
  wire.send(Uint8Array.of(2))
  await expect.poll(() => lost.length).toBe(1)
  expect(wire.sent).toEqual([])
})
