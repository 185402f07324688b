import { expect, test, vi } from 'vitest'
import { createTestStack } from '../../../supabase/local/create-test-stack.ts'
import { runCrashMatrix } from './crash-matrix.ts'
import { createCrashWorld } from './crash-world.ts'

vi.setConfig({ testTimeout: 240_000 })

// The long form, every step and random ones many times: npm run test:crash.
test('a host killed at any step of the inbound and outbound paths loses, doubles and reorders nothing, and needs no new scan', async () => {
  await using stack = await createTestStack()
  await using world = await createCrashWorld(stack, { accounts: 6 })
  const report = await runCrashMatrix(world, { kills: 2, seed: 1, only: [1, 2], log: () => undefined })
  expect(report.kills).toBeGreaterThanOrEqual(2)
})
