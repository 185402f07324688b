import type { LookupAddress } from 'node:dns'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createGuardedFetch, type GuardedFetchOptions } from './guarded-fetch.ts'
import { isPublicAddress } from './public-address.ts'

let port = 0
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url ?? '')
  const [, what = '', detail = ''] = /^\/(\w+)\??(.*)$/.exec(request.url ?? '') ?? []
  if (what === 'to') return void response.writeHead(302, { location: decodeURIComponent(detail) }).end()
  if (what === 'loop') return void response.writeHead(302, { location: '/loop' }).end()
  if (what === 'large') return void response.writeHead(200, { 'content-length': 5_000 }).end(Buffer.alloc(5_000))
  if (what === 'endless') {
    const more = (): void => {
      if (!response.destroyed) response.write(Buffer.alloc(1_000), more)
    }
    return more()
  }
  if (what === 'silent') {
    response.writeHead(200).flushHeaders()
    return
  }
  if (what === 'zip') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('x')
  if (what === 'missing') return void response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'image/png' }).end('secret')
})
beforeAll(
  () =>
    new Promise<void>((resolve) =>
      server.listen(0, '127.0.0.1', () => {
        port = (server.address() as AddressInfo).port
        resolve()
      }),
    ),
)
afterAll(() => {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(resolve))
})

/** Names lead where the test says; only 127.0.0.1 stands for the public internet where `open` says so. */
function fetcher(names: Record<string, string[][]> = {}, options: Partial<GuardedFetchOptions> = {}) {
  const lookups: string[] = []
  const guarded = createGuardedFetch({
    maxBytes: 1_000,
    lookup(name, done) {
      lookups.push(name)
      const answers = names[name] ?? []
      const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? []
      done(
        null,
        addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
      )
    },
    ...options,
  })
  return { guarded, lookups }
}
const loopbackIsPublic = { isAllowed: (address: string) => address === '127.0.0.1' }
const never = new AbortController().signal
async function read(content: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

describe('addresses that users name', () => {
  it.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0x7f.0.0.1/',
    'http://017700000001/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://0.0.0.0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://198.18.0.1/',
    'http://192.0.2.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://①②⑦.⓪.⓪.①/',
    'http://[::1]/',
    'http://[::]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[::127.0.0.1]/',
    'http://[0:0:0:0:0:ffff:10.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001:0:7f00:1::]/',
    'http://[2001:db8::1]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[fd12:3456::1]/',
    'http://[ff02::1]/',
    'http://user:secret@example.com/',
    'http://example.com:22/',
    'http://example.com:6379/',
    'ftp://example.com/',
    'file:///etc/passwd',
    'data:text/plain,hola',
    'gopher://example.com/',
    'javascript:alert(1)',
    '//example.com/',
    'example.com',
    '',
    `http://example.com/${'x'.repeat(3_000)}`,
  ])('%s is refused without asking anybody', async (url) => {
    const { guarded, lookups } = fetcher()
    await using _ = guarded
    await expect(guarded.open(url, never)).rejects.toMatchObject({ code: 'url_not_allowed' })
    expect(lookups).toEqual([])
  })

  it('ordinary addresses are public', () => {
    for (const address of ['8.8.8.8', '93.184.216.34', '2606:2800:220:1:248:1893:25c8:1946', '::ffff:8.8.8.8'])
      expect([address, isPublicAddress(address)]).toEqual([address, true])
    for (const text of ['localhost', 'example.com', '', '300.1.1.1']) expect(isPublicAddress(text)).toBe(false)
  })

  it.each([
    ['loopback', ['127.0.0.1']],
    ['link-local', ['169.254.169.254']],
    ['private space', ['10.1.2.3']],
    ['IPv6 loopback', ['::1']],
    ['mapped loopback', ['::ffff:127.0.0.1']],
    ['a public and a private one', ['93.184.216.34', '192.168.0.1']],
  ])('a name that leads to %s is refused before a connection is made', async (_, addresses) => {
    const before = asked.length
    const { guarded } = fetcher({ 'evil.example': [addresses] })
    await using __ = guarded
    await expect(guarded.open('http://evil.example/', never)).rejects.toMatchObject({ code: 'url_not_allowed' })
    expect(asked).toHaveLength(before)
  })

  it('a redirect into loopback is refused, by literal, by another spelling and by name', async () => {
    const { guarded } = fetcher({ 'good.example': [['127.0.0.1']], 'evil.example': [['127.0.0.2']] }, loopbackIsPublic)
    await using _ = guarded
    for (const target of [
      'http://127.0.0.2/',
      'http://[::1]/',
      'http://2130706434/',
      'http://evil.example/',
      'file:///etc/passwd',
    ]) {
      const url = `http://good.example:${port}/to?${encodeURIComponent(target)}`
      await expect(guarded.open(url, never)).rejects.toMatchObject({ code: 'url_not_allowed' })
    }
  })

  it('a name that answers differently the second time gains nothing: what is connected to is what was checked', async () => {
    const names = { 'rebinding.example': [['127.0.0.1'], ['127.0.0.2']] }
    const { guarded, lookups } = fetcher(names, loopbackIsPublic)
    await using _ = guarded
    const first = await guarded.open(`http://rebinding.example:${port}/file`, never)
    expect(await read(first.content)).toBe('secret')
    expect(lookups).toEqual(['rebinding.example'])
    await expect(guarded.open(`http://rebinding.example:${port}/file`, never)).rejects.toMatchObject({
      code: 'url_not_allowed',
    })
  })
})

describe('what allowed addresses deliver', () => {
  const at = (path: string): string => `http://good.example:${port}/${path}`
  const good = () => ({ 'good.example': [['127.0.0.1']] })

  it('comes with its type and name', async () => {
    const { guarded } = fetcher(good(), loopbackIsPublic)
    await using _ = guarded
    const file = await guarded.open(`http://good.example:${port}/foto%20uno.png`, never)
    expect({ ...file, content: await read(file.content) }).toEqual({
      content: 'secret',
      contentType: 'image/png',
      fileName: 'foto uno.png',
    })
  })

  it('is followed through a redirect to another allowed address', async () => {
    const { guarded } = fetcher(good(), loopbackIsPublic)
    await using _ = guarded
    expect(await read((await guarded.open(at('to?%2Ffile'), never)).content)).toBe('secret')
  })

  it('ends at the size limit, announced or not, at the fifth redirect, at silence and at an error', async () => {
    const { guarded } = fetcher(good(), { ...loopbackIsPublic, idleMs: 300 })
    await using _ = guarded
    await expect(guarded.open(at('large'), never)).rejects.toMatchObject({ code: 'media_too_large' })
    const endless = await guarded.open(at('endless'), never)
    await expect(read(endless.content)).rejects.toMatchObject({ code: 'media_too_large' })
    await expect(guarded.open(at('loop'), never)).rejects.toMatchObject({ code: 'url_unreachable' })
    await expect(guarded.open(at('missing'), never)).rejects.toMatchObject({ code: 'url_unreachable' })
    await expect(guarded.open(at('zip'), never)).rejects.toMatchObject({ code: 'url_unreachable' })
    const silent = await guarded.open(at('silent'), never)
    await expect(read(silent.content)).rejects.toMatchObject({ code: 'url_unreachable' })
  })

  it('takes no longer than allowed in all', async () => {
    const { guarded } = fetcher(good(), { ...loopbackIsPublic, timeoutMs: 200 })
    await using _ = guarded
    const silent = await guarded.open(at('silent'), never)
    await expect(read(silent.content)).rejects.toMatchObject({ code: 'url_unreachable' })
  })
})
