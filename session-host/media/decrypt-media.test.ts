import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { decryptMedia } from './decrypt-media.ts'

const mediaKey = randomBytes(32)
function encrypt(plain: Buffer): Buffer {
  const keys = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), 'WhatsApp Document Keys', 112))
  const cipher = createCipheriv('aes-256-cbc', keys.subarray(16, 48), keys.subarray(0, 16))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', keys.subarray(48, 80)).update(keys.subarray(0, 16)).update(body).digest()
  return Buffer.concat([body, mac.subarray(0, 10)])
}
const sha256 = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()
async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
interface Case {
  plain: Buffer
  file?: Buffer
  fileSha256?: Buffer
  fileEncSha256?: Buffer
  size?: number
  max?: number
}
async function open({ plain, file = encrypt(plain), size = 1_000, max = 1_000_000, ...said }: Case) {
  const source = {
    purpose: 'Document',
    mediaKey,
    directPath: '/x',
    fileSha256: said.fileSha256 ?? sha256(plain),
    fileEncSha256: said.fileEncSha256 ?? sha256(file),
  } as const
  const got: Buffer[] = []
  let code: unknown = null
  try {
    for await (const piece of decryptMedia(inPieces(file, size), source, max)) got.push(piece)
  } catch (error) {
    code = (error as { code?: unknown }).code
  }
  return { content: Buffer.concat(got), code }
}

it('gives the file whatever the pieces it comes in', async () => {
  for (const length of [0, 1, 15, 16, 17, 1_000, 5_003])
    for (const size of [1, 7, 16, 1_000, 100_000]) {
      const plain = randomBytes(length)
      const { content, code } = await open({ plain, size })
      expect([code, content.equals(plain)]).toEqual([null, true])
    }
})

it('never gives the whole of a file whose MAC, padding or one of whose digests is wrong', async () => {
  const plain = randomBytes(5_000)
  const file = encrypt(plain)
  const spoilt = Buffer.from(file)
  spoilt[spoilt.length - 1] = (spoilt.at(-1) ?? 0) ^ 1
  const changed = Buffer.from(file)
  changed[100] = (changed.at(100) ?? 0) ^ 1
  const cases: Case[] = [
    { plain, file: spoilt },
    { plain, file: changed },
    { plain, fileSha256: randomBytes(32) },
    { plain, file, fileEncSha256: randomBytes(32) },
    { plain, file: file.subarray(0, 2_000) },
    { plain, file: file.subarray(0, 5) },
    { plain, file: Buffer.alloc(0) },
  ]
  for (const each of cases) {
    const { content, code } = await open(each)
    expect([code, content.length < plain.length]).toEqual(['media_corrupt', true])
  }
})

it('ends a file that is larger than allowed, before it is all here', async () => {
  const { content, code } = await open({ plain: randomBytes(50_000), max: 10_000 })
  expect([code, content.length <= 10_000]).toEqual(['media_too_large', true])
})
