import { Curve, generateSignalPubKey } from '@whiskeysockets/baileys'
import fc from 'fast-check'
import { verifySignature } from 'libsignal/src/curve.js'
import { expect, test } from 'vitest'
import { verifyXeddsa } from './xeddsa.ts'

test('it says what libsignal says, of signatures that are right, bent in any bit, or of another key', () => {
  const [signer, other] = [Curve.generateKeyPair(), Curve.generateKeyPair()]
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.option(fc.nat({ max: 511 }), { nil: undefined }),
      fc.boolean(),
      (message, bit, ofAnother) => {
        const signature = Buffer.from(Curve.sign(signer.private, message))
        if (bit !== undefined) signature[bit >> 3] = (signature[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const key = ofAnother ? other.public : signer.public
        const said = verifyXeddsa(key, message, signature)
        expect(said).toBe(verifySignature(generateSignalPubKey(key), message, signature))
        expect(said).toBe(bit === undefined && !ofAnother)
      },
    ),
    { numRuns: 40 },
  )
})

test('keys that are no point, and what has another length, are refused without an error', () => {
  const signature = Buffer.alloc(64, 1)
  for (const key of [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.alloc(31), Buffer.alloc(0)])
    expect(verifyXeddsa(key, Buffer.from('message'), signature)).toBe(false)
  expect(verifyXeddsa(Curve.generateKeyPair().public, Buffer.from('message'), Buffer.alloc(63))).toBe(false)
})
