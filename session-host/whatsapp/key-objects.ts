import crypto, { createSecretKey } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Has every HMAC and cipher of this process work with a KeyObject. Node 24 finds out what a key is by an exception for each kind that it
 * is not: with bytes an HMAC of a short text takes 17 µs, with a KeyObject made for it 7, and Baileys and libsignal pass bytes, a dozen
 * times a message. The results are the same; what is no bytes is passed on as it came.
 */
export function useKeyObjects(): void {
  const { createHmac, createCipheriv, createDecipheriv } = crypto
  if (isWrapped in createHmac) return
  const wrapped = {
    createHmac: wrap(createHmac),
    createCipheriv: wrap(createCipheriv as AnyMaker),
    createDecipheriv: wrap(createDecipheriv as AnyMaker),
  }
  Object.assign(crypto, wrapped)
  // Those who import by name see it, too.
  syncBuiltinESMExports()
}

type AnyMaker = (algorithm: string, key: unknown, ...rest: unknown[]) => unknown

const isWrapped = Symbol('takes key objects')

function wrap(make: unknown): AnyMaker {
  const original = make as AnyMaker
  const maker: AnyMaker = (algorithm, key, ...rest) => original(algorithm, asKeyObject(key), ...rest)
  return Object.assign(maker, { [isWrapped]: true })
}

function asKeyObject(key: unknown): unknown {
  return ArrayBuffer.isView(key) ? createSecretKey(key as NodeJS.ArrayBufferView) : key
}
