import { expect, test } from 'vitest'
import { spreadStarts } from './spread-starts.ts'

test('a few sessions begin at once', () => {
  expect(spreadStarts(['a', 'b', 'c', 'd'], seeded(1)).map(({ afterMs }) => afterMs)).toEqual([0, 0, 0, 0])
})

test('of many, at most 20 begin in a row, each at a moment of its own within the 250 ms that they take', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const starts = spreadStarts(sessions(200), seeded(seed))
    const moments = starts.map(({ afterMs }) => afterMs)
    expect(starts).toHaveLength(20)
    expect(new Set(starts.map(({ item }) => item)).size).toBe(20)
    expect(new Set(moments).size).toBe(20)
    expect(moments).toEqual(moments.toSorted((a, b) => a - b))
    expect(Math.min(...moments)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...moments)).toBeLessThan(250)
  }
})

test('over many scans the moments fill their time evenly, and every session comes first as often as another', () => {
  const random = seeded(7)
  const quarters = [0, 0, 0, 0]
  const first = new Map<string, number>()
  for (let scan = 0; scan < 2_000; scan += 1) {
    const starts = spreadStarts(sessions(10), random)
    for (const { afterMs } of starts) {
      const quarter = Math.floor(afterMs / (125 / 4))
      quarters[quarter] = (quarters[quarter] ?? 0) + 1
    }
    const [{ item } = { item: '' }] = starts
    first.set(item, (first.get(item) ?? 0) + 1)
  }
  for (const count of quarters) expect(count / 20_000).toBeCloseTo(0.25, 1)
  expect(first.size).toBe(10)
  for (const count of first.values()) expect(count / 2_000).toBeCloseTo(0.1, 1)
})

test('two hosts that find the same sessions at the same time begin with others', () => {
  const order = (seed: number) => spreadStarts(sessions(60), seeded(seed)).map(({ item }) => item)
  expect(order(1)).toEqual(order(1))
  expect(order(1)).not.toEqual(order(2))
})

function sessions(count: number): string[] {
  return Array.from({ length: count }, (_, at) => `session ${at}`)
}

/** mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
