import { expect, test } from 'vitest'
import type { LeaseStore } from '../store/leases.ts'
import type { Session } from './session-options.ts'
import { createSupervisor } from './supervisor.ts'

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }

test('sessions that end at once do not keep the others from being started, nor spin', async () => {
  const ids = Array.from({ length: 45 }, (_, at) => String(at).padStart(2, '0'))
  const starts = new Map<string, number>()
  const { promise: reached, resolve } = Promise.withResolvers<void>()
  const leases: LeaseStore = {
    findRunnable: async () => ids.map((id) => ({ id, user_id: 'u' })),
    acquire: async ({ id }) => ({ sessionId: id, userId: 'u', holder: 'h', epoch: 1 }),
    renew: async (held) => new Set(held.map((lease) => lease.sessionId)),
    release: async () => {},
  }
  await using supervisor = createSupervisor({
    leases,
    leaseSeconds: 60,
    scanMs: 10,
    logger,
    startSession(lease) {
      starts.set(lease.sessionId, (starts.get(lease.sessionId) ?? 0) + 1)
      if (lease.sessionId === '44') resolve()
      const healthy = Number(lease.sessionId) >= 40
      return {
        lease,
        wake: () => {},
        showPresence: () => {},
        ended: healthy ? new Promise(() => {}) : Promise.resolve(),
        stop: async () => {},
      } satisfies Session
    },
  })
  await reached
  expect(supervisor.running.has('44')).toBe(true)
  expect(Math.max(...starts.values())).toBeLessThanOrEqual(2)
  // Its owner asks for it: no pause.
  const before = starts.get('00') ?? 0
  supervisor.wake('00')
  await expect.poll(() => starts.get('00')).toBeGreaterThan(before)
})

test('a session whose lease somebody holds locked keeps no other one waiting', async () => {
  const { promise: started, resolve } = Promise.withResolvers<void>()
  const leases: LeaseStore = {
    findRunnable: async () => ['locked', 'free'].map((id) => ({ id, user_id: 'u' })),
    acquire: async ({ id }) => {
      if (id === 'locked') throw Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' })
      return { sessionId: id, userId: 'u', holder: 'h', epoch: 1 }
    },
    renew: async (held) => new Set(held.map((lease) => lease.sessionId)),
    release: async () => {},
  }
  await using supervisor = createSupervisor({
    leases,
    leaseSeconds: 60,
    scanMs: 10_000,
    logger,
    startSession(lease) {
      resolve()
      return { lease, wake: () => {}, showPresence: () => {}, ended: new Promise(() => {}), stop: async () => {} }
    },
  })
  await started
  expect([...supervisor.running.keys()]).toEqual(['free'])
})

test('a session whose lease is lost is fenced, the others go on', async () => {
  const { promise: stopped, resolve } = Promise.withResolvers<[string, string]>()
  const leases: LeaseStore = {
    findRunnable: async () => ['kept', 'lost'].map((id) => ({ id, user_id: 'u' })),
    acquire: async ({ id }) => ({ sessionId: id, userId: 'u', holder: 'h', epoch: 1 }),
    renew: async () => new Set(['kept']),
    release: async () => {},
  }
  await using _ = createSupervisor({
    leases,
    leaseSeconds: 2,
    scanMs: 10_000,
    logger,
    startSession: (lease) => ({
      lease,
      wake: () => {},
      showPresence: () => {},
      ended: new Promise(() => {}),
      stop: async (how) => resolve([lease.sessionId, how]),
    }),
  })
  expect(await stopped).toEqual(['lost', 'fenced'])
})
