import { Curve } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { restoreSignatureVerification } from './verify-signatures.ts'

test('a wrong signature is refused, a right one accepted, also when it was restored twice', () => {
  restoreSignatureVerification()
  restoreSignatureVerification()
  const [signer, other] = [Curve.generateKeyPair(), Curve.generateKeyPair()]
  const message = Buffer.from('message')
  const signature = Curve.sign(signer.private, message)
  expect(Curve.verify(signer.public, message, signature)).toBe(true)
  expect(Curve.verify(other.public, message, signature)).toBe(false)
  expect(Curve.verify(signer.public, Buffer.from('massage'), signature)).toBe(false)
  expect(Curve.verify(signer.public, message, Buffer.alloc(64))).toBe(false)
  expect(Curve.verify(signer.public, message, Buffer.alloc(3))).toBe(false)
  const bent = Buffer.from(signature)
  bent[5] = (bent[5] ?? 0) ^ 1
  expect(Curve.verify(signer.public, message, bent)).toBe(false)
})
