import { expect, test, vi } from 'vitest'
import { createProcessWatch } from './process-watch.ts'

test('a stalled event loop and high memory are said once when they begin, and are gone when they are over', async () => {
  const said: object[] = []
  const logger = { warn: (facts: object) => void said.push(facts) }
  using watch = createProcessWatch({ logger, sampleMs: 100, slowLoopMs: 150, memoryLimit: Number.MAX_SAFE_INTEGER })
  await vi.waitFor(() => {
    const until = performance.now() + 400
    while (performance.now() < until);
    expect(watch.warnings()).toEqual(['event_loop_slow'])
  })
  expect(said).toMatchObject([{ warnings: ['event_loop_slow'] }])
  expect(watch.eventLoopDelay().max).toBeGreaterThan(0.3)
  await vi.waitFor(() => expect(watch.warnings()).toEqual([]), { timeout: 20_000 })

  using full = createProcessWatch({ logger, sampleMs: 50, slowLoopMs: 60_000, memoryLimit: 1 })
  await vi.waitFor(() => expect(full.warnings()).toEqual(['memory_high']))
})
