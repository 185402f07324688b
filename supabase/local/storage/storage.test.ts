import { createHash, randomBytes, randomUUID } from 'node:crypto'
import process from 'node:process'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestStack } from '../create-test-stack.ts'

/**
 * What the product uses of Storage, with the stock client. Runs against the embedded stack, and against a real project with the same
 * migrations when SUPABASE_CONFORMANCE_URL, …_PUBLISHABLE_KEY and …_SECRET_KEY are set. Users and buckets made are deleted.
 */
const {
  SUPABASE_CONFORMANCE_URL: realUrl,
  SUPABASE_CONFORMANCE_PUBLISHABLE_KEY: realPublishableKey,
  SUPABASE_CONFORMANCE_SECRET_KEY: realSecretKey,
} = process.env
const targets = ['the embedded stack', ...(realUrl ? ['the real project'] : [])]
if (!realUrl) {
  process.stdout.write(
    'CONFORMANCE: no SUPABASE_CONFORMANCE_URL: Storage checked against the embedded stack only, NOT against a real project\n',
  )
}

describe.each(targets)('%s', (target) => {
  let stack: AsyncDisposable & { url: string; publishableKey: string; secretKey: string }
  let admin: SupabaseClient
  let ana: User
  let ben: User
  const users: string[] = []
  const buckets: string[] = []

  interface User {
    id: string
    token: string
    client: SupabaseClient
    media: ReturnType<SupabaseClient['storage']['from']>
  }

  beforeAll(async () => {
    stack =
      target === 'the embedded stack'
        ? await createTestStack()
        : {
            url: realUrl ?? '',
            publishableKey: realPublishableKey ?? '',
            secretKey: realSecretKey ?? '',
            async [Symbol.asyncDispose]() {},
          }
    admin = client(stack.secretKey)
    ana = await newUser()
    ben = await newUser()
  })

  afterAll(async () => {
    for (const id of buckets) {
      await admin.storage.emptyBucket(id)
      await admin.storage.deleteBucket(id)
    }
    for (const id of users) {
      const { data } = await admin.storage.from('media').listV2({ prefix: `${id}/` })
      const names = (data?.objects ?? []).map(({ key, name }) => key ?? name)
      if (names.length > 0) await admin.storage.from('media').remove(names)
      await admin.auth.admin.deleteUser(id)
    }
    await stack[Symbol.asyncDispose]()
  })

  function client(key = stack.publishableKey): SupabaseClient {
    return createClient(stack.url, key, { auth: { persistSession: false, autoRefreshToken: false } })
  }

  async function newUser(): Promise<User> {
    const [email, password] = [`${randomUUID()}@example.com`, randomUUID()]
    const { data, error } = await admin.auth.admin.createUser({ email, password, email_confirm: true })
    expect(error).toBeNull()
    const id = data.user?.id ?? ''
    users.push(id)
    const user = client()
    const signedIn = await user.auth.signInWithPassword({ email, password })
    expect(signedIn.error).toBeNull()
    return { id, token: signedIn.data.session?.access_token ?? '', client: user, media: user.storage.from('media') }
  }

  async function newBucket(options: Parameters<SupabaseClient['storage']['createBucket']>[1]): Promise<string> {
    const name = `test-${randomUUID()}`
    const { data, error } = await admin.storage.createBucket(name, options)
    expect(error).toBeNull()
    expect(data).toEqual({ name })
    buckets.push(name)
    return name
  }

  /** Uploads something of Ana's; its path. */
  async function stored(content: string | Buffer = 'hola', name = `${randomUUID()}.txt`): Promise<string> {
    const path = `${ana.id}/${name}`
    const { error } = await ana.media.upload(path, content, { contentType: 'text/plain', cacheControl: '60' })
    expect(error).toBeNull()
    return path
  }

  const textOf = async ({ data }: { data: Blob | null }): Promise<string | undefined> => data?.text()

  test('the bucket of media is private, takes 100 MB and is shown to administrators', async () => {
    const { data, error } = await admin.storage.getBucket('media')
    expect(error).toBeNull()
    expect(data).toMatchObject({ id: 'media', public: false, file_size_limit: 100 * 1024 * 1024 })
    expect((await admin.storage.listBuckets()).data?.map(({ id }) => id)).toContain('media')
    expect((await admin.storage.getBucket('nowhere')).error).toMatchObject({ statusCode: '404' })
    expect((await ana.client.storage.listBuckets()).data).toEqual([])
    expect((await ana.client.storage.createBucket(randomUUID())).error).toMatchObject({ statusCode: '403' })
  })

  test('what is uploaded as bytes comes back the same, with its type, cache header and user metadata', async () => {
    const path = `${ana.id}/folder/photo (1).jpg`
    const content = randomBytes(70_000)
    const { data, error } = await ana.media.upload(path, content, {
      contentType: 'image/jpeg',
      cacheControl: '120',
      metadata: { caption: 'ñandú' },
    })
    expect(error).toBeNull()
    expect(data).toEqual({ path, id: expect.any(String), fullPath: `media/${path}` })
    const downloaded = await ana.media.download(path)
    expect(Buffer.from((await downloaded.data?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(content)
    expect(downloaded.data?.type).toBe('image/jpeg')
    const info = await ana.media.info(path)
    expect(info.error).toBeNull()
    expect(info.data).toMatchObject({
      id: data?.id,
      name: path,
      bucketId: 'media',
      size: 70_000,
      contentType: 'image/jpeg',
      cacheControl: 'max-age=120',
      metadata: { caption: 'ñandú' },
    })
    expect(info.data?.etag).toContain(createHash('md5').update(content).digest('hex'))
    expect((await ana.media.exists(path)).data).toBe(true)
    expect((await ana.media.exists(`${ana.id}/none`)).data).toBe(false)
  })

  test('what is uploaded as a form comes back the same, whatever bytes are in it', async () => {
    const tricky = Buffer.concat([
      Buffer.from('\r\n--x\r\n\r\n----\r\n--'),
      randomBytes(100_000),
      Buffer.from('\r\n--'),
    ])
    const path = `${ana.id}/form.bin`
    const { error } = await ana.media.upload(path, new Blob([tricky], { type: 'application/pdf' }), {
      cacheControl: '7',
      metadata: { a: 1 },
    })
    expect(error).toBeNull()
    const { data } = await ana.media.download(path)
    expect(Buffer.from((await data?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(tricky)
    expect((await ana.media.info(path)).data).toMatchObject({
      contentType: 'application/pdf',
      cacheControl: 'max-age=7',
      metadata: { a: 1 },
    })
    const empty = await ana.media.upload(`${ana.id}/empty`, new Blob([]))
    expect(empty.error).toBeNull()
    expect(await textOf(await ana.media.download(`${ana.id}/empty`))).toBe('')
  })

  test('a name that is taken is refused, unless upsert or update says to replace it', async () => {
    const path = await stored('one')
    expect((await ana.media.upload(path, 'two')).error).toMatchObject({ statusCode: '409' })
    expect(await textOf(await ana.media.download(path))).toBe('one')
    expect((await ana.media.upload(path, 'three', { upsert: true })).error).toBeNull()
    expect(await textOf(await ana.media.download(path))).toBe('three')
    expect((await ana.media.update(path, 'four')).error).toBeNull()
    expect(await textOf(await ana.media.download(path))).toBe('four')
  })

  test('a folder is listed by name or date, in pages, with the folders in it', async () => {
    const base = `${ana.id}/list`
    for (const name of ['b.txt', 'a.txt', 'deep/er/c.txt', 'a_b.txt', 'axb.txt'])
      await ana.media.upload(`${base}/${name}`, name)
    const { data } = await ana.media.list(base)
    expect(data?.map(({ name }) => name).toSorted()).toEqual(['a.txt', 'a_b.txt', 'axb.txt', 'b.txt', 'deep'])
    expect(data?.find(({ name }) => name === 'deep')).toMatchObject({ id: null, metadata: null })
    expect(data?.find(({ name }) => name === 'a.txt')).toMatchObject({
      metadata: { size: 5, mimetype: expect.any(String) },
    })
    expect((await ana.media.list(base, { search: 'a_' })).data?.map(({ name }) => name)).toEqual(['a_b.txt'])
    const page = await ana.media.list(base, { limit: 2, offset: 1, sortBy: { column: 'name', order: 'asc' } })
    expect(page.data).toHaveLength(2)
    const byDate = await ana.media.list(base, { sortBy: { column: 'created_at', order: 'desc' } })
    expect(byDate.data?.filter(({ id }) => id !== null).map(({ name }) => name)).toEqual([
      'axb.txt',
      'a_b.txt',
      'a.txt',
      'b.txt',
    ])

    const seen: string[] = []
    let cursor: string | undefined
    do {
      const { data: next, error } = await ana.media.listV2({
        prefix: `${base}/`,
        limit: 2,
        ...(cursor ? { cursor } : {}),
      })
      expect(error).toBeNull()
      seen.push(...(next?.objects ?? []).map(({ name }) => name))
      cursor = next?.hasNext ? next.nextCursor : undefined
    } while (cursor)
    expect(seen).toEqual(['a.txt', 'a_b.txt', 'axb.txt', 'b.txt', 'deep/er/c.txt'].map((name) => `${base}/${name}`))
    const delimited = await ana.media.listV2({ prefix: `${base}/`, with_delimiter: true })
    expect(delimited.data?.folders.map(({ name }) => name)).toEqual([`${base}/deep/`])
    expect(delimited.data?.objects).toHaveLength(4)
  })

  test('objects are moved, copied and removed; what is not there says so', async () => {
    const from = await stored('move me')
    const [to, copied] = [`${ana.id}/moved.txt`, `${ana.id}/copied.txt`]
    expect((await ana.media.move(from, to)).error).toBeNull()
    expect((await ana.media.download(from)).error).toMatchObject({ status: 400, statusCode: '404' })
    expect((await ana.media.copy(to, copied)).data).toEqual({ path: `media/${copied}` })
    expect((await ana.media.copy(to, copied)).error).toMatchObject({ statusCode: '409' })
    expect((await ana.media.move(to, copied)).error).toMatchObject({ statusCode: '409' })
    expect(await textOf(await ana.media.download(copied))).toBe('move me')
    const { data } = await ana.media.remove([to, copied, `${ana.id}/none`])
    expect(data?.map(({ name }) => name).toSorted()).toEqual([copied, to].toSorted())
    expect((await ana.media.remove([to])).data).toEqual([])
    expect((await ana.media.move(to, from)).error).toMatchObject({ statusCode: '404' })
  })

  test('a signed URL serves its object to anybody, until it expires', async () => {
    const path = await stored('signed', 'with space.txt')
    const { data, error } = await ana.media.createSignedUrl(path, 60, { download: 'the list.txt' })
    expect(error).toBeNull()
    const response = await fetch(data?.signedUrl ?? '')
    expect([response.status, await response.text()]).toEqual([200, 'signed'])
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename=the%20list\.txt; /)
    const many = await ana.media.createSignedUrls([path, `${ana.id}/none`], 60)
    expect(many.data?.map((one) => [one.path, one.error === null, one.signedUrl !== null])).toEqual([
      [path, true, true],
      [`${ana.id}/none`, false, false],
    ])
    expect((await fetch(many.data?.[0]?.signedUrl ?? '')).status).toBe(200)
    expect((await ana.media.createSignedUrl(`${ana.id}/none`, 60)).error).toMatchObject({ statusCode: '404' })
  })

  test('a signed upload URL takes one upload of whoever holds it', async () => {
    const path = `${ana.id}/by-url.txt`
    const { data, error } = await ana.media.createSignedUploadUrl(path)
    expect(error).toBeNull()
    const anonymous = client().storage.from('media')
    const uploaded = await anonymous.uploadToSignedUrl(path, data?.token ?? '', new Blob(['from a browser']))
    expect(uploaded).toEqual({ data: { path, fullPath: `media/${path}` }, error: null })
    expect(await textOf(await ana.media.download(path))).toBe('from a browser')
    expect((await anonymous.uploadToSignedUrl(path, data?.token ?? '', 'again')).error).toMatchObject({
      statusCode: '409',
    })
    expect((await anonymous.uploadToSignedUrl(`${ana.id}/other.txt`, data?.token ?? '', 'x')).error).not.toBeNull()
  })

  test('the limits of a bucket hold for every way to upload, and nothing of what they refuse is kept', async () => {
    const name = await newBucket({ public: false, fileSizeLimit: 1000, allowedMimeTypes: ['image/*', 'text/plain'] })
    const bucket = admin.storage.from(name)
    const options = { contentType: 'text/plain' }
    expect((await bucket.upload('ok', 'x'.repeat(1000), options)).error).toBeNull()
    const tooLarge = Buffer.alloc(400_000)
    expect((await bucket.upload('raw', tooLarge, options)).error).toMatchObject({ statusCode: '413' })
    expect((await bucket.upload('form', new Blob([tooLarge], { type: 'image/png' }))).error).toMatchObject({
      statusCode: '413',
    })
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(2000))
        controller.close()
      },
    })
    expect((await bucket.upload('stream', stream, { ...options, duplex: 'half' })).error).toMatchObject({
      statusCode: '413',
    })
    const { data } = await bucket.createSignedUploadUrl('url')
    expect((await bucket.uploadToSignedUrl('url', data?.token ?? '', tooLarge, options)).error).toMatchObject({
      statusCode: '413',
    })
    expect((await bucket.upload('type', 'x', { contentType: 'text/html' })).error).toMatchObject({ statusCode: '415' })
    expect((await bucket.upload('type', new Blob(['x'], { type: 'application/pdf' }))).error).toMatchObject({
      statusCode: '415',
    })
    expect((await bucket.list()).data?.map((object) => object.name)).toEqual(['ok'])
  })

  test('a public bucket serves without a key, a private one does not', async () => {
    const name = await newBucket({ public: true })
    await admin.storage.from(name).upload('a.txt', 'for all')
    const { data } = admin.storage.from(name).getPublicUrl('a.txt')
    expect(await (await fetch(data.publicUrl)).text()).toBe('for all')
    const path = await stored()
    expect((await fetch(ana.media.getPublicUrl(path).data.publicUrl)).ok).toBe(false)
    expect((await fetch(`${stack.url}/storage/v1/object/media/${path}`)).ok).toBe(false)
    expect((await fetch(`${stack.url}/storage/v1/object/authenticated/media/${path}`)).ok).toBe(false)
  })

  test('another user’s objects are neither read, listed, signed, changed, replaced, moved, copied nor deleted', async () => {
    const path = await stored('mine')
    const own = `${ben.id}/own.txt`
    await ben.media.upload(own, 'his')
    for (const [stranger, media] of [
      ['another user', ben.media],
      ['nobody', client().storage.from('media')],
    ] as const) {
      const refused = {
        download: (await media.download(path)).error,
        info: (await media.info(path)).error,
        sign: (await media.createSignedUrl(path, 60)).error,
        signUpload: (await media.createSignedUploadUrl(`${ana.id}/new.txt`)).error,
        signUpsert: (await media.createSignedUploadUrl(path, { upsert: true })).error,
        upload: (await media.upload(`${ana.id}/new.txt`, 'x')).error,
        uploadTaken: (await media.upload(path, 'x')).error,
        form: (await media.upload(`${ana.id}/new.txt`, new Blob(['x']))).error,
        upsert: (await media.upload(path, 'x', { upsert: true })).error,
        update: (await media.update(path, 'x')).error,
        move: (await media.move(path, `${ben.id}/stolen.txt`)).error,
        moveInto: (await media.move(own, `${ana.id}/planted.txt`)).error,
        copy: (await media.copy(path, `${ben.id}/stolen.txt`)).error,
        copyInto: (await media.copy(own, `${ana.id}/planted.txt`)).error,
        noFolder: (await media.upload('loose.txt', 'x')).error,
        bareFolder: (await media.upload(ben.id, 'x')).error,
      }
      for (const [verb, error] of Object.entries(refused))
        expect(error, `${stranger}: ${verb}`).toMatchObject({ statusCode: expect.stringMatching(/^40[34]$/) })
      expect((await media.exists(path)).data).toBe(false)
      expect((await media.list(ana.id)).data).toEqual([])
      expect((await media.listV2({ prefix: ana.id })).data?.objects).toEqual([])
      expect((await media.remove([path])).data).toEqual([])
      expect((await media.createSignedUrls([path], 60)).data?.map(({ signedUrl }) => signedUrl)).toEqual([null])
    }
    expect(await textOf(await ana.media.download(path))).toBe('mine')
    const all = (await admin.storage.from('media').listV2({ prefix: `${ana.id}/` })).data?.objects ?? []
    expect(all.filter(({ name }) => /new|planted/.test(name))).toEqual([])
    expect(await textOf(await ben.media.download(own))).toBe('his')
  })

  test('the service key reads and writes everybody’s', async () => {
    const path = await stored('for the host')
    expect(await textOf(await admin.storage.from('media').download(path))).toBe('for the host')
    expect((await admin.storage.from('media').upload(`${ben.id}/in/x.txt`, 'inbound')).error).toBeNull()
    expect(await textOf(await ben.media.download(`${ben.id}/in/x.txt`))).toBe('inbound')
  })
})
