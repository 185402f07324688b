import { LRUCache } from 'lru-cache'
import { expect, test, vi } from 'vitest'
import { createAuthState, type CredentialStorage } from './auth-state.ts'

interface Fake extends CredentialStorage {
  rows: Map<string, Buffer>
  credentials: Buffer | null
  failing: boolean
  /** Reads wait for this. */
  gate: Promise<void>
}

/** The storage's contract in memory: what a transaction of the real one does to its rows. */
function storage(): Fake {
  const fake: Fake = {
    rows: new Map(),
    credentials: null,
    failing: false,
    gate: Promise.resolve(),
    load: async () => fake.credentials,
    async getKeys(type, ids) {
      if (fake.failing) throw new Error('away')
      const found = new Map(
        ids.flatMap((id) => [[id, fake.rows.get(`${type}/${id}`)] as const]).filter(([, value]) => value),
      )
      await fake.gate
      return found as Map<string, Buffer>
    },
    async write({ credentials, keys }) {
      if (fake.failing) throw new Error('away')
      if (credentials) fake.credentials = credentials
      for (const { type, id, value } of keys)
        if (value) fake.rows.set(`${type}/${id}`, value)
        else fake.rows.delete(`${type}/${id}`)
    },
    forgetOldInbox: async () => {},
    findInbox: async () => null,
    listInbox: async () => [],
  } as Fake
  return fake
}

const cache = () => new LRUCache<string, object>({ max: 1_000 })

test('credentials and keys come back as they were, bytes included', async () => {
  const store = storage()
  const first = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  first.creds.me = { id: '34600000001:1@s.whatsapp.net', name: 'Ana' }
  first.creds.account = { details: Buffer.from([1, 2]) }
  await first.saveCreds()
  await first.keys.set({ session: { 'a.0': Buffer.from([1, 2, 3]) } })
  const again = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  expect(again.restored).toBe(true)
  expect(again.creds.noiseKey).toEqual(first.creds.noiseKey)
  expect((await again.keys.get('session', ['a.0', 'b.0']))['a.0']).toEqual(Buffer.from([1, 2, 3]))
  await again.keys.set({ session: { 'a.0': null } })
  expect(await again.keys.get('session', ['a.0'])).toEqual({})
})

test('an account without its signature, which a broken pairing leaves, is begun anew', async () => {
  const store = storage()
  const first = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  first.creds.me = { id: '34600000001:1@s.whatsapp.net' }
  await first.saveCreds()
  const again = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  expect(again.restored).toBe(false)
  expect(again.creds.me).toBeUndefined()
})

test.for(['read', 'write'] as const)(
  'a failed %s ends it before anybody goes on without, and nothing is used after',
  async (kind) => {
    const store = storage()
    const failures: unknown[] = []
    const shared = cache()
    const state = await createAuthState(store, {
      sessionId: 's',
      cache: shared,
      onFatal: (error) => failures.push(error),
    })
    store.failing = true
    const attempt: () => Promise<unknown> =
      kind === 'read'
        ? async () => state.keys.get('session', ['a.0'])
        : async () => state.keys.set({ session: { 'a.0': Buffer.from([9]) } })
    await expect(attempt()).rejects.toThrow('away')
    expect(failures).toHaveLength(1)
    store.failing = false
    expect(shared.size).toBe(0)
    await expect(state.keys.set({ session: { 'a.0': Buffer.from([9]) } })).rejects.toThrow('the session has ended')
    await expect(state.keys.get('session', ['b.0'])).rejects.toThrow('the session has ended')
    expect(store.rows.size).toBe(0)
    expect(failures).toHaveLength(1)
  },
)

test('a read that a write overtook leaves no stale key in the cache', async () => {
  const store = storage()
  const state = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  store.rows.set('session/a.0', Buffer.from(JSON.stringify('old')))
  const { promise, resolve } = Promise.withResolvers<void>()
  store.gate = promise
  const slow = state.keys.get('session', ['a.0'])
  await state.keys.set({ session: { 'a.0': 'new' as never } })
  resolve()
  await slow
  expect(await state.keys.get('session', ['a.0'])).toEqual({ 'a.0': 'new' })
})

test('sessions that share a cache do not see each other’s keys', async () => {
  const shared = cache()
  const [a, b] = [
    await createAuthState(storage(), { sessionId: 'a', cache: shared, onFatal: () => {} }),
    await createAuthState(storage(), { sessionId: 'b', cache: shared, onFatal: () => {} }),
  ]
  await a.keys.set({ session: { 'x.0': Buffer.from([1]) } })
  expect(await b.keys.get('session', ['x.0'])).toEqual({})
})

test('a key that is not there is asked for once, until it is there', async () => {
  const store = storage()
  const { keys } = await createAuthState(store, { sessionId: 's', cache: cache(), onFatal: () => {} })
  expect(await keys.get('session', ['a.0'])).toEqual({})
  const asked = vi.spyOn(store, 'getKeys')
  expect(await keys.get('session', ['a.0'])).toEqual({})
  expect(asked).not.toHaveBeenCalled()
  await keys.set({ session: { 'a.0': Buffer.from([1]) } })
  expect(await keys.get('session', ['a.0'])).toEqual({ 'a.0': Buffer.from([1]) })
  await keys.set({ session: { 'a.0': null } })
  expect(await keys.get('session', ['a.0'])).toEqual({})
  expect(asked).not.toHaveBeenCalled()
})

test('what is answered after the session has ended is not kept for whoever runs it next, nor what an earlier one left', async () => {
  const store = storage()
  const shared = cache()
  const state = await createAuthState(store, { sessionId: 's', cache: shared, onFatal: () => {} })
  store.rows.set('session/a.0', Buffer.from(JSON.stringify('old')))
  const { promise, resolve } = Promise.withResolvers<void>()
  store.gate = promise
  const written = state.keys.set({ session: { 'b.0': 'old' as never } })
  const read = state.keys.get('session', ['a.0'])
  state.close()
  resolve()
  await Promise.all([written, read])
  expect(shared.size).toBe(0)
  shared.set('s/session/a.0', { value: 'older' })
  const next = await createAuthState(store, { sessionId: 's', cache: shared, onFatal: () => {} })
  expect(await next.keys.get('session', ['a.0'])).toEqual({ 'a.0': 'old' })
})
