import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createSealedBox } from '../store/sealed-box.ts'

const [one, two] = ['k1', 'k2'].map((id) => ({ id, key: randomBytes(32) })) as [
  { id: string; key: Buffer },
  { id: string; key: Buffer },
]
const secret = Buffer.from('a private key')

test('what is sealed opens in its place only', () => {
  const box = createSealedBox([one])
  const sealed = box.seal('session/creds', secret)
  expect(sealed.includes(secret)).toBe(false)
  expect(box.open('session/creds', sealed)).toEqual(secret)
  expect(() => box.open('other/creds', sealed)).toThrow(/./)
  expect(box.seal('session/creds', secret)).not.toEqual(sealed)
})

test('bytes that were changed anywhere, or cut, do not open', () => {
  const box = createSealedBox([one])
  const sealed = box.seal('c', secret)
  for (let at = 0; at < sealed.length; at += 1) {
    const bent = Buffer.from(sealed)
    bent[at] = (bent[at] ?? 0) ^ 1
    expect(() => box.open('c', bent), String(at)).toThrow(/./)
  }
  for (const length of [0, 1, 5, sealed.length - 1])
    expect(() => box.open('c', sealed.subarray(0, length))).toThrow(/./)
})

test('a key is rotated by putting a new one in front; without the old one its bytes name the key that is missing', () => {
  const before = createSealedBox([one]).seal('c', secret)
  const rotated = createSealedBox([two, one])
  expect(rotated.open('c', before)).toEqual(secret)
  const after = rotated.seal('c', secret)
  expect(createSealedBox([two]).open('c', after)).toEqual(secret)
  expect(() => createSealedBox([two]).open('c', before)).toThrow('AUTH_STATE_KEY lacks the key "k1"')
  // The same id with another key does not open, either.
  expect(() => createSealedBox([{ id: 'k1', key: two.key }]).open('c', before)).toThrow(/./)
})

test('without a key there is no box', () => {
  expect(() => createSealedBox([])).toThrow('no key')
})
