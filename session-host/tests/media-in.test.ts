import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

interface Medium {
  id: string
  message_type: string
  text_content: string | null
  media_status: string | null
  media_url: string | null
  media_mime_type: string | null
  media_size_bytes: number | null
  media_sha256: string | null
  media_duration_seconds: number | null
  media_width: number | null
  media_file_name: string | null
  media_waveform: number[] | null
  error_code: string | null
  content: { thumbnail?: string }
}

let gateway: Gateway
let member: Member
beforeAll(async () => {
  gateway = await startGateway({ environment: { MEDIA_MAX_BYTES: '450000' } })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [{ ...bea }] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function sendFrom(facts: Record<string, string>): Promise<{ id: string; sha256: string; bytes: number }> {
  return gateway.control.post(
    `/phones/${bea.number}/media?${new URLSearchParams({ to: ana.number, ...facts }).toString()}`,
  )
}

/** The row of a message, once it fits. */
async function row(waId: string, fits: (row: Medium) => boolean): Promise<Medium> {
  const rows = await gateway.database.until<Medium>(
    'select *, media_size_bytes::float8 as media_size_bytes from public.messages_new where wa_id = $1',
    [waId],
    ([found]) => found !== undefined && fits(found),
  )
  if (!rows[0]) throw new Error('no row')
  return rows[0]
}
const is = (status: string) => (found: Medium) => found.media_status === status

async function stored(path: string | null): Promise<{ sha256: string; headers: Headers }> {
  const response = await fetch(`${gateway.environment['SUPABASE_URL']}/storage/v1/object/authenticated/media/${path}`, {
    headers: {
      authorization: `Bearer ${gateway.environment['SUPABASE_SERVICE_ROLE_KEY']}`,
      apikey: gateway.environment['SUPABASE_SERVICE_ROLE_KEY'] ?? '',
    },
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  return { sha256: createHash('sha256').update(bytes).digest('hex'), headers: response.headers }
}

const objects = (messageId: string) =>
  gateway.database.query('select 1 from storage.objects where name like $1', [`%${messageId}%`])
const downloads = async (): Promise<number> =>
  (await gateway.control.get<{ counters: Record<string, number> }>('/state')).counters['media_downloads'] ?? 0

test('every kind of medium that a phone sends is a message at once and lies in its owner’s folder soon, byte by byte', async () => {
  const kinds = {
    image: { message_type: 'image', media_mime_type: 'image/jpeg', media_width: 64 },
    video: { message_type: 'video', media_mime_type: 'video/mp4', media_duration_seconds: 3 },
    gif: { message_type: 'video', media_mime_type: 'video/mp4' },
    ptv: { message_type: 'video', media_mime_type: 'video/mp4' },
    audio: { message_type: 'audio', media_mime_type: 'audio/mp4', media_duration_seconds: 3 },
    voice: { message_type: 'audio', media_mime_type: 'audio/ogg', media_duration_seconds: 5 },
    document: { message_type: 'document', media_mime_type: 'application/pdf', media_file_name: 'factura.pdf' },
    sticker: { message_type: 'sticker', media_mime_type: 'image/webp' },
  }
  for (const [kind, facts] of Object.entries(kinds)) {
    const caption = ['image', 'document'].includes(kind) ? { caption: 'pie de foto' } : {}
    const sent = await sendFrom({ kind, ...caption })
    const found = await row(sent.id, is('stored'))
    expect(found).toMatchObject({ ...facts, media_size_bytes: sent.bytes, media_sha256: sent.sha256, error_code: null })
    expect(found.text_content).toBe(caption.caption ?? null)
    expect(found.media_waveform?.length).toBe(kind === 'voice' ? 64 : undefined)
    expect(found.content.thumbnail?.slice(0, 4)).toBe(
      ['image', 'video', 'gif', 'ptv'].includes(kind) ? '/9j/' : undefined,
    )
    expect(found.media_url).toMatch(new RegExp(`^${member.id}/in/[0-9a-f-]{36}\\.\\w+$`))
    const object = await stored(found.media_url)
    expect(object.sha256).toBe(sent.sha256)
    expect(object.headers.get('x-content-type-options')).toBe('nosniff')
    const events = await gateway.database.until(
      `select 1 from public.session_events where type = 'message.updated' and data ->> 'message_id' = $1`,
      [found.id],
      (rows) => rows.length > 0,
    )
    expect(events).toHaveLength(1)
  }
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a thumbnail that is no JPEG is left out, one that is goes with a message that is deleted for everyone', async () => {
  const script = Buffer.from('<script>').toString('base64')
  const odd = await sendFrom({ kind: 'image', thumbnail: script })
  expect((await row(odd.id, is('stored'))).content).toEqual({})
  const good = await sendFrom({ kind: 'image' })
  expect((await row(good.id, is('stored'))).content.thumbnail).toBeDefined()
  await gateway.control.post(`/phones/${bea.number}/revoke`, { to: ana.number, id: good.id })
  expect((await row(good.id, is('erased'))).content).toEqual({})
})

test('the same file is kept once a user, however often it comes', async () => {
  const file = { kind: 'document', generate: '100000', seed: 'same', mime: 'text/plain' }
  const first = await row((await sendFrom(file)).id, is('stored'))
  const second = await row((await sendFrom(file)).id, is('stored'))
  expect(second.media_url).toBe(first.media_url)
  expect(await objects(second.id)).toEqual([])
})

test('who knows the digest of a file that somebody else sent, and no more, does not show it as theirs', async () => {
  const file = { kind: 'document', generate: '100000', mime: 'text/plain' }
  const first = await row((await sendFrom({ ...file, seed: 'private' })).id, is('stored'))
  const claims = first.media_sha256 ?? ''
  const claimed = await row((await sendFrom({ ...file, seed: 'other', claims })).id, (found) =>
    ['stored', 'failed'].includes(found.media_status ?? ''),
  )
  expect(claimed).toMatchObject({ media_status: 'failed', error_code: 'media_corrupt', media_url: null })
})

test('a message whose file was fetched with the same key is not fetched again', async () => {
  const sent = await sendFrom({ kind: 'document', generate: '100000', seed: 'forwarded', mime: 'text/plain' })
  const first = await row(sent.id, is('stored'))
  const before = await downloads()
  // As if the message had come once more: with its key, and not fetched yet.
  await gateway.database.query(
    `with copy as (
       insert into public.messages_new (conversation_id, user_id, session_id, sender_type, message_type, created_at, wa_id, from_me,
           status, media_status, media_mime_type, media_sha256)
         select conversation_id, user_id, session_id, sender_type, message_type, created_at, wa_id || 'F', from_me,
             status, 'pending', media_mime_type, media_sha256 from public.messages_new where id = $1
         returning id, user_id)
     insert into private.message_protos (message_id, user_id, proto, sealed_as)
       select copy.id, copy.user_id, p.proto, m.session_id || '/message/' || m.wa_id
         from copy, private.message_protos p join public.messages_new m on m.id = p.message_id where p.message_id = $1`,
    [first.id],
  )
  await sendFrom({ kind: 'document', generate: '1000', seed: 'wakes the queue', mime: 'text/plain' })
  const second = await row(`${sent.id}F`, is('stored'))
  expect(second.media_url).toBe(first.media_url)
  expect(await downloads()).toBe(before + 1)
})

test('a file that is not what its message says is never kept, and its message stays', async () => {
  const generate = '100000'
  const lies = [
    { trouble: 'wrong_digest', generate, seed: 'one' },
    { trouble: 'wrong_mac', generate, seed: 'two' },
  ]
  const sent = await Promise.all(
    lies.map((lie) => sendFrom({ kind: 'document', caption: 'hola', mime: 'text/plain', ...lie })),
  )
  for (const { id } of sent) {
    const found = await row(id, is('failed'))
    expect(found).toMatchObject({
      message_type: 'document',
      text_content: 'hola',
      media_url: null,
      error_code: 'media_corrupt',
    })
    expect(await objects(found.id)).toEqual([])
  }
  const large = await sendFrom({ kind: 'document', caption: 'grande', generate: '500000' })
  expect(await row(large.id, is('failed'))).toMatchObject({
    text_content: 'grande',
    error_code: 'media_too_large',
  })
})

test('the file of a message goes with the last message that shows it: deleted for everyone, or deleted here', async () => {
  const file = { kind: 'document', generate: '50000', seed: 'gone', mime: 'text/plain' }
  const first = await sendFrom(file)
  const one = await row(first.id, is('stored'))
  const two = await row((await sendFrom(file)).id, is('stored'))
  expect(two.media_url).toBe(one.media_url)
  await gateway.control.post(`/phones/${bea.number}/revoke`, { to: ana.number, id: first.id })
  expect(await row(first.id, is('erased'))).toMatchObject({
    media_url: null,
    media_file_name: null,
    media_sha256: null,
  })
  expect(await objects(one.id)).toHaveLength(1)
  await gateway.database.query('delete from public.messages_new where id = $1', [two.id])
  await gateway.database.until(
    'select 1 from storage.objects where name = $1',
    [one.media_url],
    (rows) => rows.length === 0,
  )
  await gateway.database.until('select 1 from private.media_removals', [], (rows) => rows.length === 0)
})

test('a download that is cut off is made again; a file that is gone comes from the phone, or is told to be gone', async () => {
  const cut = await sendFrom({ kind: 'document', generate: '300000', seed: 'cut', trouble: 'truncated' })
  const expired = await sendFrom({ kind: 'document', generate: '3000', seed: 'expired', trouble: 'expired' })
  const found = await row(expired.id, is('stored'))
  expect((await stored(found.media_url)).sha256).toBe(expired.sha256)
  await gateway.database.query(`update private.media_downloads set next_attempt_at = now()`)
  await gateway.database.query(`select pg_notify('session_wake', session_id::text) from private.media_downloads`)
  await row(cut.id, is('stored'))

  // Its phone is told to forget it before the host can ask.
  const lost = await sendFrom({ forgotten: 'true', kind: 'document', generate: '4000', seed: 'lost', trouble: 'gone' })
  expect(await row(lost.id, is('expired'))).toMatchObject({ error_code: 'media_expired', media_url: null })
})

test('lazy: nothing is fetched until its owner asks, and nobody else can', async () => {
  await gateway.restartHost({ environment: { MEDIA_DOWNLOAD: 'lazy' } })
  const sent = await sendFrom({ kind: 'image', generate: '2000', seed: 'lazy' })
  const found = await row(sent.id, is('pending'))
  const other = await gateway.createMember()
  const ask = (who: Member) => gateway.rest(who, 'POST', 'request_media', { messageId: found.id })
  const before = await downloads()
  expect(await ask(other)).toMatchObject({ status: 404, body: { error: { code: 'message_not_found' } } })
  expect(await downloads()).toBe(before)
  expect(await ask(member)).toMatchObject({ status: 202, body: { success: true, media_status: 'pending' } })
  await row(sent.id, is('stored'))
  expect(await ask(member)).toMatchObject({ status: 202, body: { media_status: 'stored' } })
  expect(await downloads()).toBe(before + 1)
  await gateway.restartHost()
})

test('a download that a restart interrupts goes on after it', async () => {
  const sent = await sendFrom({ kind: 'document', generate: '400000', seed: 'slow', trouble: 'slow' })
  await gateway.database.until(
    'select 1 from private.media_downloads where attempts > 0',
    [],
    (rows) => rows.length > 0,
  )
  await gateway.stopHost()
  await gateway.control.post(`/media/well`)
  await gateway.restartHost()
  const found = await row(sent.id, is('stored'))
  expect((await stored(found.media_url)).sha256).toBe(sent.sha256)
})

test('REST answers a signed address of an hour in media_url, served as an attachment that nobody guesses the type of', async () => {
  const sent = await sendFrom({ kind: 'document' })
  await row(sent.id, is('stored'))
  const { body } = await gateway.rest(member, 'GET', `get_messages?conversationId=${jidOf(bea)}`)
  const message = (body['messages'] as { media_url: string }[]).at(-1)
  const response = await fetch(message?.media_url ?? '')
  expect(
    createHash('sha256')
      .update(new Uint8Array(await response.arrayBuffer()))
      .digest('hex'),
  ).toBe(sent.sha256)
  expect(response.headers.get('content-disposition')).toContain('attachment; filename=factura.pdf')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})
