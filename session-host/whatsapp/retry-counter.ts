import { LRUCache } from 'lru-cache'

/**
 * Baileys' count of retry requests, kept across the reconnects of one session: with a fresh one per socket it would ask for the same
 * message for ever. Bounded, an hour, as Baileys' own default (DEFAULT_CACHE_TTLS.MSG_RETRY).
 */
export interface RetryCounter {
  get<T>(key: string): T | undefined
  set<T>(key: string, value: T): boolean
  del(key: string): boolean
  flushAll(): void
}

/** @see RetryCounter */
export function createRetryCounter(): RetryCounter {
  const cache = new LRUCache<string, { value: unknown }>({ max: 2_000, ttl: 60 * 60 * 1000 })
  return {
    get: <T>(key: string) => cache.get(key)?.value as T | undefined,
    set(key, value) {
      cache.set(key, { value })
      return true
    },
    del: (key) => cache.delete(key),
    flushAll: () => cache.clear(),
  }
}
