import { createCipheriv, createDecipheriv, createHmac, createSecretKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { useKeyObjects } from './key-objects.ts'

test('keys as bytes, as text and as objects give the results that they gave before, and wrong ones the same errors', () => {
  const key = Buffer.alloc(32, 7)
  const iv = Buffer.alloc(12, 1)
  function results(): unknown[] {
    const hmac = (secret: Parameters<typeof createHmac>[1]): string =>
      createHmac('sha256', secret).update('text').digest('hex')
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    const sealed = Buffer.concat([cipher.update('text'), cipher.final()])
    const decipher = createDecipheriv('aes-256-gcm', new Uint8Array(key), iv)
    decipher.setAuthTag(cipher.getAuthTag())
    return [
      hmac(key),
      hmac(new Uint8Array(key)),
      hmac(Buffer.alloc(0)),
      hmac('secret'),
      hmac(createSecretKey(key)),
      sealed.toString('hex'),
      decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8'),
      codeOf(() => createCipheriv('aes-256-gcm', key.subarray(1), iv)),
      codeOf(() => createHmac('sha256', 7 as never)),
    ]
  }
  const before = results()
  useKeyObjects()
  useKeyObjects()
  expect(results()).toEqual(before)
})

function codeOf(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}
