import { expect, test } from 'vitest'
import { createBackoff } from './backoff.ts'

test('pauses grow with each failure, go on from a stored count, and begin anew once a connection has lasted', () => {
  const backoff = createBackoff(500, () => 0.999)
  const pauses = [1, 2, 3].map(() => backoff.failed())
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b))
  const restarted = createBackoff(500, () => 0.999)
  restarted.restore(backoff.count)
  expect(restarted.failed()).toBeGreaterThan(pauses.at(-1) ?? 0)
  restarted.opened()
  expect(restarted.count).toBe(4)
  restarted.settled()
  expect(restarted.failed()).toBe(pauses[0])
})

test('a server that asks for a new connection again and again is not hurried after', () => {
  const backoff = createBackoff(500)
  expect([1, 2, 3, 4, 5].map(() => backoff.mayHurry())).toEqual([true, true, true, false, false])
  backoff.settled()
  expect(backoff.mayHurry()).toBe(true)
})
