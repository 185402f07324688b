import { expect, test } from 'vitest'
import { backoffPause, reactTo } from './disconnect.ts'

test('only an unlinked device costs the credentials', () => {
  const forgets = Array.from({ length: 600 }, (_, code) => code).filter(
    (code) => reactTo(code, true).action === 'forget',
  )
  expect(forgets).toEqual([401])
  expect(reactTo(undefined, true)).toMatchObject({ action: 'reconnect', pause: 'backoff' })
})

test.for([
  [515, { action: 'reconnect', pause: 'none' }],
  [428, { action: 'reconnect', pause: 'backoff' }],
  [408, { action: 'reconnect', pause: 'backoff' }],
  [500, { action: 'reconnect', pause: 'backoff', reason: 'bad_session' }],
  [503, { action: 'reconnect', pause: 'backoff' }],
  [440, { action: 'stop', reason: 'replaced' }],
  [403, { action: 'stop', reason: 'forbidden' }],
  [405, { action: 'stop', reason: 'outdated_client' }],
  [411, { action: 'stop', reason: 'outdated_client' }],
  [418, { action: 'reconnect', pause: 'backoff' }],
] as const)('%i of a linked session: %o', ([code, reaction]) => {
  expect(reactTo(code, true)).toMatchObject(reaction)
})

test('before a phone has linked every end is a failed attempt, 408 an expired one', () => {
  for (const code of [undefined, 401, 403, 428, 440, 500, 515])
    expect(reactTo(code, false)).toEqual({ action: 'retry-linking', reason: 'link_failed' })
  expect(reactTo(408, false)).toEqual({ action: 'retry-linking', reason: 'link_expired' })
})

test('pauses grow to the cap and never beyond it', () => {
  const longest = (attempt: number): number => backoffPause(attempt, () => 0.999999)
  expect(longest(0)).toBeLessThanOrEqual(500)
  expect(longest(3)).toBeGreaterThan(longest(2))
  for (const attempt of [10, 100, 10_000]) expect(longest(attempt)).toBeLessThanOrEqual(60_000)
  expect(backoffPause(5, () => 0)).toBe(0)
})
