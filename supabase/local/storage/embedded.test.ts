import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStack, type Stack } from '../create-stack.ts'
import { connect } from '../postgres/bootstrap-database.ts'
import { createSigner } from './create-signer.ts'

let stack: Stack
let ana: { id: string; token: string }
let media: ReturnType<SupabaseClient['storage']['from']>
beforeAll(async () => {
  stack = await createStack({ durable: false })
  const { id, email } = await stack.createUser({ email: 'ana@example.com', password: 'password-1' })
  ana = { id, token: (await stack.signIn({ email, password: 'password-1' })).access_token }
  const client = createClient(stack.url, stack.publishableKey, { accessToken: async () => ana.token })
  media = client.storage.from('media')
})
afterAll(() => stack[Symbol.asyncDispose]())

const headers = (): Record<string, string> => ({ apikey: stack.publishableKey, authorization: `Bearer ${ana.token}` })
const get = (path: string, more: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
  fetch(`${stack.url}/storage/v1/${path}`, { method, headers: { ...headers(), ...more } })

/** Files in the data folder, without those in the making. */
function files(folder = join(stack.folder, 'storage')): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

async function stored(content: string | Buffer, contentType = 'text/plain'): Promise<string> {
  const path = `${ana.id}/${randomUUID()}`
  expect((await media.upload(path, content, { contentType })).error).toBeNull()
  return path
}

/** Sends the path as it is written: fetch would tidy it up. */
function raw(method: string, path: string, sentBody = ''): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      stack.url,
      { method, path, headers: { ...headers(), 'content-length': sentBody.length } },
      (answer) => {
        let body = ''
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()))
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
      },
    )
    sent.on('error', reject)
    sent.end(sentBody)
  })
}

test('no path leaves its folder, however it is written', async () => {
  const before = files()
  const { rows } = await withAdmin((client) => client.query('select count(*)::int as n from storage.objects'))
  for (const path of [
    `${ana.id}/../other/x`,
    `${ana.id}/..%2Fother%2Fx`,
    `${ana.id}/%2e%2e/other/x`,
    `${ana.id}/%2E%2E%2F%2E%2E%2Fsecrets.json`,
    `${ana.id}/..%5C..%5Csecrets.json`,
    `${ana.id}/.%2Fx`,
    `${ana.id}//x`,
    `${ana.id}/x%00.txt`,
    `${ana.id}/x%0d%0aset-cookie:a`,
    `${ana.id}/%ff`,
    '../../../../etc/passwd',
    '%2e%2e%2fsecrets.json',
  ])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      for (const area of ['object/media', 'object/upload/sign/media', 'object/sign/media', 'object/info/media']) {
        const { status, body } = await raw(method, `/storage/v1/${area}/${path}`, '{"expiresIn":60}')
        expect(status, `${method} ${area} ${path}: ${body}`).toBeGreaterThanOrEqual(400)
        expect(status).toBeLessThan(500)
      }
    }
  for (const key of ['../x', `${ana.id}/../x`, `${ana.id}/`, '/', '', '\u0000']) {
    expect((await media.move(await stored('x'), key)).error).toMatchObject({ statusCode: '400' })
    expect((await media.copy(key, `${ana.id}/copied`)).error).toMatchObject({ statusCode: '400' })
    expect((await media.remove([key])).error).toMatchObject({ statusCode: '400' })
  }
  const { rows: after } = await withAdmin((client) => client.query('select count(*)::int as n from storage.objects'))
  expect(after[0].n - rows[0].n).toBe(6)
  expect(files()).toHaveLength(before.length + 6)
})

test('parts are served as asked for, with validators and without guessing', async () => {
  const path = `object/media/${await stored('0123456789')}`
  const whole = await get(path)
  expect(await whole.text()).toBe('0123456789')
  expect(Object.fromEntries(whole.headers)).toMatchObject({
    'accept-ranges': 'bytes',
    'cache-control': 'max-age=3600',
    'content-length': '10',
    'content-type': 'text/plain',
    'x-content-type-options': 'nosniff',
  })
  expect(whole.headers.has('content-disposition')).toBe(false)
  const etag = whole.headers.get('etag') ?? ''
  for (const [range, status, text, contentRange] of [
    ['bytes=0-3', 206, '0123', 'bytes 0-3/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=8-99', 206, '89', 'bytes 8-9/10'],
    ['bytes=-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=5-2', 200, '0123456789', null],
    ['bytes=0-1,3-4', 200, '0123456789', null],
    ['lines=0-1', 200, '0123456789', null],
  ] as const) {
    const part = await get(path, { range })
    expect([range, part.status, await part.text(), part.headers.get('content-range')]).toEqual([
      range,
      status,
      text,
      contentRange,
    ])
  }
  expect(await (await get(path, { range: 'bytes=10-' })).json()).toMatchObject({ statusCode: '416' })
  expect((await get(path, { range: 'bytes=0-3', 'if-range': '"other"' })).status).toBe(200)
  expect((await get(path, { range: 'bytes=0-3', 'if-range': etag })).status).toBe(206)
  expect((await get(path, { 'if-none-match': etag })).status).toBe(304)
  expect((await get(path, { 'if-none-match': '"other"' })).status).toBe(200)
  const head = await get(path, {}, 'HEAD')
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
  expect((await get(`${path}?download`)).headers.get('content-disposition')).toBe('attachment;')
  expect((await get(`${path}?download=a%0d%0ab:c`)).headers.get('content-disposition')).toContain('a%0D%0Ab%3Ac')
  const page = await get(`object/media/${await stored('<script>', 'text/html; charset=utf-8')}`)
  expect(page.headers.get('content-type')).toBe('text/plain')
})

test('a forged, foreign, changed or expired signature opens nothing', async () => {
  const [path, other] = [await stored('mine'), await stored('also mine')]
  const signed = new URL((await media.createSignedUrl(path, 60)).data?.signedUrl ?? '')
  const token = signed.searchParams.get('token') ?? ''
  const upload = (await media.createSignedUploadUrl(`${ana.id}/up`)).data?.token ?? ''
  const place = { bucket: 'media', key: path }
  const own = createSigner(stack.secretKey)
  const tokens = {
    'of another key': await createSigner('another secret').signDownload(place, 60),
    expired: await own.signDownload(place, -1),
    'for uploads': await own.signUpload(place, { owner: ana.id, upsert: true }),
    'of a user': ana.token,
    changed: token.replace(/.(?=\.)/, (letter) => (letter === 'A' ? 'B' : 'A')),
    unsigned: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`,
    empty: '',
    nonsense: 'a.b.c',
  }
  for (const [name, forged] of Object.entries(tokens)) {
    const response = await fetch(`${signed.origin}${signed.pathname}?token=${forged}`)
    expect([name, response.status, await response.text()]).toEqual([name, 400, expect.not.stringContaining('mine')])
  }
  const elsewhere = await fetch(`${stack.url}/storage/v1/object/sign/media/${other}?token=${token}`)
  expect(await elsewhere.json()).toMatchObject({ statusCode: '400', error: 'InvalidSignature' })
  expect((await media.uploadToSignedUrl(`${ana.id}/up`, token, 'x')).error).toMatchObject({ statusCode: '400' })
  expect((await media.uploadToSignedUrl(`${ana.id}/up2`, upload, 'x')).error).toMatchObject({ statusCode: '400' })
  expect((await fetch(signed)).status).toBe(200)
})

test('an invalid or expired access token is refused in Storage’s shape', async () => {
  const path = await stored('x')
  const bad = [
    await stack.mintToken({ sub: ana.id }, { expiresIn: -5 }),
    await stack.mintToken({ sub: ana.id }, { algorithm: 'foreign' }),
    'x',
  ]
  for (const token of bad) {
    const response = await get(`object/media/${path}`, { authorization: `Bearer ${token}` })
    expect(await response.json()).toMatchObject({
      statusCode: '403',
      error: 'Unauthorized',
      message: expect.any(String),
    })
  }
})

test('a large upload that is refused before it is read is told why', async () => {
  const body = new Blob([Buffer.alloc(20_000_000)])
  for (const [path, authorization, statusCode] of [
    [`object/media/${ana.id}/large`, 'Bearer x', '403'],
    ['object/media/somebody/large', `Bearer ${ana.token}`, '403'],
    ['object/media/..%2Flarge', `Bearer ${ana.token}`, '400'],
    ['object/nowhere/large', `Bearer ${ana.token}`, '404'],
    ['upload/resumable', `Bearer ${ana.token}`, '501'],
  ] as const) {
    const answer = await fetch(`${stack.url}/storage/v1/${path}`, {
      method: 'POST',
      headers: { ...headers(), authorization, 'content-type': 'text/plain' },
      body,
    })
    expect([path, await answer.json()]).toEqual([path, expect.objectContaining({ statusCode })])
  }
})

// Open files are counted where the system lists them.
test.runIf(existsSync('/proc/self/fd'))('downloads that are given up hold no file open', async () => {
  const path = `object/media/${await stored(Buffer.alloc(5_000_000))}`
  for (let n = 0; n < 10; n++) {
    const giveUp = new AbortController()
    const { body } = await fetch(`${stack.url}/storage/v1/${path}`, { headers: headers(), signal: giveUp.signal })
    await body?.getReader().read()
    giveUp.abort()
  }
  const open = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`).startsWith(stack.folder)).length
  await expect.poll(open, { timeout: 20_000 }).toBe(0)
})

test('what is not here says so in a sentence', async () => {
  for (const path of [
    'upload/resumable',
    's3/media',
    'render/image/authenticated/media/x',
    'vector/ListIndexes',
    'iceberg/bucket',
    'cdn/media/x',
    'bucket/media/lifecycle',
  ])
    for (const method of ['GET', 'POST'])
      expect(await (await get(path, {}, method)).json()).toEqual({
        statusCode: '501',
        error: 'NotSupported',
        code: 'NotSupported',
        message: expect.stringMatching(/ (is|are) not part of the embedded Storage\.$/),
      })
})

test('SQL deletes no object or bucket, not even as postgres', async () => {
  await stored('x')
  for (const table of ['objects', 'buckets'])
    await expect(withAdmin((client) => client.query(`delete from storage.${table}`))).rejects.toMatchObject({
      code: '42501',
      message: expect.stringContaining('Direct deletion from storage tables is not allowed'),
    })
})

test('the functions that policies call take a path apart as on the platform', async () => {
  const { rows } = await withAdmin((client) =>
    client.query(`select storage.foldername('a/b/c.tar.gz') as folders, storage.filename('a/b/c.tar.gz') as file,
      storage.extension('a/b/c.tar.gz') as extension, storage.foldername('c') as none`),
  )
  expect(rows).toEqual([{ folders: ['a', 'b'], file: 'c.tar.gz', extension: 'gz', none: [] }])
})

test('no file is left of an upload that is refused, broken off, replaced or deleted', async () => {
  const path = await stored('one')
  const before = files().length
  expect((await media.upload(path, 'two')).error).toMatchObject({ statusCode: '409' })
  expect((await media.upload(path, 'three', { upsert: true })).error).toBeNull()
  const names = Array.from({ length: 8 }, (_, n) => `${ana.id}/race-${n % 2}`)
  await Promise.all(names.map((name) => media.upload(name, randomUUID(), { upsert: true })))
  expect(files()).toHaveLength(before + 2)
  const broken = httpRequest(`${stack.url}/storage/v1/object/media/${ana.id}/broken`, {
    method: 'POST',
    headers: { ...headers(), 'content-type': 'text/plain', 'content-length': 1_000_000 },
  })
  broken.on('error', () => {})
  broken.write(Buffer.alloc(100_000))
  await expect.poll(() => files().length, { timeout: 20_000 }).toBe(before + 3)
  broken.destroy()
  await expect.poll(() => files().length, { timeout: 20_000 }).toBe(before + 2)
  expect((await media.info(`${ana.id}/broken`)).error).toMatchObject({ statusCode: '404' })
  await media.remove([...names, path])
  expect(files()).toHaveLength(before - 1)
})

test('malformed forms are refused, each with a sentence', async () => {
  const post = async (body: string, type = 'multipart/form-data; boundary=b'): Promise<unknown> =>
    (
      await fetch(`${stack.url}/storage/v1/object/media/${ana.id}/form`, {
        method: 'POST',
        headers: { ...headers(), 'content-type': type },
        body,
      })
    ).json()
  for (const body of [
    '',
    'no boundary at all',
    '--b\r\n',
    '--b--\r\n',
    '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n',
    '--b\r\ncontent-disposition: form-data; name=""; filename="x"\r\n\r\nnever ends',
    `--b\r\nx: ${'y'.repeat(50_000)}\r\n\r\n`,
    '--b\r\ncontent-disposition: form-data; name="metadata"\r\n\r\n[1]\r\n--b\r\ncontent-disposition: form-data; name=""; filename="x"\r\n\r\nx\r\n--b--',
  ])
    expect(await post(body)).toMatchObject({ statusCode: '400', message: expect.stringMatching(/\.$/) })
  expect(await post('--b--', 'multipart/form-data')).toMatchObject({ statusCode: '400' })
  expect((await media.info(`${ana.id}/form`)).error).toMatchObject({ statusCode: '404' })
})

test.each(['bytes', 'a form'])('20 MB as %s pass both ways in memory of a few chunks', async (way) => {
  const [piece, pieces, boundary] = [randomBytes(64 * 1024), 320, randomUUID()]
  const path = `${ana.id}/${randomUUID()}`
  const form = way === 'a form'
  const disposition = 'content-disposition: form-data; name=""; filename="x"\r\ncontent-type: application/pdf'
  const base = heldByBuffers()
  let most = 0
  async function* body(): AsyncGenerator<Uint8Array> {
    if (form) yield Buffer.from(`--${boundary}\r\n${disposition}\r\n\r\n`)
    for (let n = 0; n < pieces; n++) {
      yield Buffer.from(piece)
      if (n % 16 === 0) most = Math.max(most, heldByBuffers() - base)
    }
    if (form) yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }
  const type = form ? `multipart/form-data; boundary=${boundary}` : 'application/pdf'
  const sent = httpRequest(`${stack.url}/storage/v1/object/media/${path}`, {
    method: 'POST',
    headers: { ...headers(), 'content-type': type },
  })
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>
  await pipeline(body, sent)
  const [answer] = await answered
  expect([answer.statusCode, await text(answer)]).toEqual([200, expect.stringContaining(`media/${path}`)])
  let [received, megabytes] = [0, 0]
  for await (const chunk of (await get(`object/media/${path}`)).body ?? []) {
    received += chunk.byteLength
    if (received / 2 ** 20 < megabytes) continue
    megabytes += 1
    most = Math.max(most, heldByBuffers() - base)
  }
  expect(received).toBe(piece.byteLength * pieces)
  // Sender and receiver are in this process, too, and a busy machine lets more wait in the sockets; the whole file is 20 MB.
  expect(most).toBeLessThan(14 * 1024 * 1024)
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What buffers take that somebody still holds, in bytes. */
function heldByBuffers(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed since it was listed
  }
}

async function withAdmin<T>(work: (client: Awaited<ReturnType<typeof connect>>['client']) => Promise<T>): Promise<T> {
  await using admin = await connect(stack.adminDatabaseUrl)
  return await work(admin.client)
}
