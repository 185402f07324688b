import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sampleFile } from '../simulator/sample-media.ts'
import type { ShownMessage } from '../simulator/testing/control.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type Member, type RestAnswer } from './start-gateway.ts'

const cid = { number: '34600000003', lid: '200000000000003', name: 'Cid', push_name: 'Cid' }
let gateway: Gateway
let member: Member
const asked: string[] = []
const site = createServer((request, response) => {
  asked.push(request.url ?? '')
  if (request.url === '/away') response.writeHead(302, { location: 'http://127.0.0.2/' }).end()
  else if (request.url === '/foto.jpg')
    response.writeHead(200, { 'content-type': 'text/html' }).end(sampleFile('image').file)
  else response.writeHead(404).end()
})
beforeAll(async () => {
  gateway = await startGateway({ environment: { MEDIA_MAX_BYTES: '3000000' } })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [{ ...bea }, cid] })
  for (const each of [bea, cid]) await gateway.rest(member, 'POST', 'start_conversation', { jid: jidOf(each) })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  site.closeAllConnections()
  await new Promise((resolve) => site.close(resolve))
  await gateway[Symbol.asyncDispose]()
})

/** As a browser, with the member's own token. */
function asClient() {
  return createClient(gateway.stack.url, gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '', {
    accessToken: async () => member.token,
  })
}
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
type Shown = ShownMessage & { media?: Record<string, unknown>; kind: string }

/** Uploads as a browser does: with the user's own token, to the user's own folder. */
async function upload(
  who: Member,
  name: string,
  content: Uint8Array,
  type = 'application/octet-stream',
): Promise<string> {
  const path = `${who.id}/uploads/${randomUUID()}/${name}`
  const response = await fetch(`${gateway.environment['SUPABASE_URL']}/storage/v1/object/media/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${who.token}`,
      apikey: gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '',
      'content-type': type,
    },
    body: new Blob([new Uint8Array(content)]),
  })
  expect(response.status).toBe(200)
  return path
}

function send(attachments: object[], more: { textContent?: string; key?: string } = {}): Promise<RestAnswer> {
  const body = { conversationId: jidOf(bea), textContent: more.textContent ?? '', attachments }
  return gateway.rest(member, 'POST', 'send_message', body, more.key ? { 'idempotency-key': more.key } : {})
}
function messagesOf({ body }: RestAnswer): { id: string; wa_id: string; status: string }[] {
  return body['messages'] as { id: string; wa_id: string; status: string }[]
}
async function shown(waId: string | undefined): Promise<Shown> {
  return (await gateway.shown(bea.number, ana.number, (each) => each.id === waId)) as Shown
}
async function opened(waId: string | undefined): Promise<string> {
  const response = await fetch(`${gateway.simulator.url}/phones/${bea.number}/messages/${waId}/media`)
  return sha256(new Uint8Array(await response.arrayBuffer()))
}
async function failure(id: string | undefined): Promise<string | null> {
  const [row] = await gateway.database.until<{ error_code: string | null }>(
    `select error_code from public.messages_new where id = $1 and status = 'failed'`,
    [id],
    (rows) => rows.length > 0,
  )
  return row?.error_code ?? null
}
const uploads = async (): Promise<number> =>
  (await gateway.control.get<{ counters: Record<string, number> }>('/state')).counters['media_uploads'] ?? 0

test('every kind of file arrives on the phone as that kind, byte by byte, with what its owner said of it', async () => {
  const voice = { type: 'voice', expect: { kind: 'voice', mime: 'audio/ogg; codecs=opus', seconds: 5 } }
  const cases = [
    {
      sample: 'image',
      name: 'a.jpg',
      caption: 'pie',
      expect: { kind: 'image', mime: 'image/jpeg', width: 64, height: 48 },
    },
    { sample: 'video', name: 'a.mp4', caption: 'pie', expect: { kind: 'video', mime: 'video/mp4' } },
    { sample: 'gif', name: 'a.mp4', type: 'gif', expect: { kind: 'gif' } },
    { sample: 'ptv', name: 'a.mp4', type: 'video_note', expect: { kind: 'ptv' } },
    { sample: 'audio', name: 'a.m4a', expect: { kind: 'audio', mime: 'audio/mp4' } },
    { sample: 'voice', name: 'a.ogg', ...voice },
    {
      sample: 'document',
      name: 'x.pdf',
      caption: 'pie',
      fileName: '../año\u202Efdp.exe',
      expect: { kind: 'document', file_name: 'añofdp.exe', mime: 'application/pdf' },
    },
    { sample: 'sticker', name: 'a.webp', type: 'sticker', expect: { kind: 'sticker', mime: 'image/webp' } },
  ] as const
  for (const each of cases) {
    const { file } = sampleFile(each.sample)
    const path = await upload(member, each.name, file)
    const {
      expect: media,
      sample,
      name: _,
      ...facts
    } = { type: undefined, caption: undefined, fileName: undefined, ...each }
    const answer = await send([{ path, ...facts }])
    expect(answer).toMatchObject({ status: 202, body: { success: true } })
    const [message] = messagesOf(answer)
    const arrived = await shown(message?.wa_id)
    expect(arrived.media).toMatchObject({ ...media, bytes: file.length, sha256: sha256(file) })
    expect(arrived.text).toBe(
      each.sample === 'image' || each.sample === 'video' || each.sample === 'document' ? 'pie' : '',
    )
    expect((arrived.media?.['waveform'] as number[] | null)?.length).toBe(sample === 'voice' ? 64 : undefined)
    expect(Number(arrived.media?.['thumbnail_bytes']) > 100).toBe(sample === 'image')
    expect(await opened(message?.wa_id)).toBe(sha256(file))
    const [row] = await gateway.database.query<{ thumbnail: string | null }>(
      `select content ->> 'thumbnail' as thumbnail from public.messages_new where id = $1`,
      [message?.id],
    )
    expect(row?.thumbnail?.slice(0, 4)).toBe(sample === 'image' ? '/9j/' : undefined)
  }
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('several files are one message each, in order, the text is the first one’s caption; a repeat sends nothing twice', async () => {
  const paths = [
    await upload(member, 'uno.txt', Buffer.from('uno'), 'text/plain'),
    await upload(member, 'dos.jpg', sampleFile('image').file),
  ]
  const attachments = paths.map((path) => ({ path }))
  const key = randomUUID()
  const first = await send(attachments, { textContent: 'mirad', key })
  const again = await send(attachments, { textContent: 'mirad', key })
  const [one, two] = messagesOf(first)
  expect(messagesOf(again).map(({ id }) => id)).toEqual([one?.id, two?.id])
  expect((await send(attachments, { textContent: 'otro', key })).body.error?.code).toBe('idempotency_conflict')
  const [a, b] = [await shown(one?.wa_id), await shown(two?.wa_id)]
  expect([a.text, b.text]).toEqual(['mirad', ''])
  expect(a).toMatchObject({ media: { kind: 'document', file_name: 'uno.txt' }, copies: 1 })
  expect(b).toMatchObject({ media: { kind: 'image' }, copies: 1 })
  expect(a.n).toBeLessThan(b.n)
})

test('a browser uploads by a signed address and sends over the socket', async () => {
  const { body, status } = await gateway.rest(member, 'POST', 'uploads', { fileName: 'año nuevo.pdf' })
  expect(status).toBe(201)
  const { path, url } = body['upload'] as { path: string; url: string }
  expect(path.startsWith(`${member.id}/uploads/`)).toBe(true)
  const put = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/pdf' },
    body: new Blob([new Uint8Array(sampleFile('document').file)]),
  })
  expect(put.status).toBe(200)
  await using client = await gateway.join(member)
  const answer = await client.ask<{ messages: { wa_id: string }[] }>('send-message', {
    conversationId: jidOf(bea),
    textContent: '',
    attachments: [{ path, fileName: 'año nuevo.pdf' }],
  })
  if (!answer.ok) throw new Error(answer.error.code)
  expect((await shown(answer.data.messages[0]?.wa_id)).media).toMatchObject({
    kind: 'document',
    file_name: 'año nuevo.pdf',
  })
})

test('what is not one’s own, not there, too large or not of its kind is refused by its own code: nothing is sent', async () => {
  const other = await gateway.createMember()
  const foreign = await upload(other, 'a.jpg', sampleFile('image').file)
  const before = (await gateway.messagesOf(bea.number, ana.number)).length
  const [{ count: rows }] = (await gateway.database.query<{ count: number }>(
    'select count(*)::int from public.messages_new',
  )) as [{ count: number }]
  const good = { path: await upload(member, 'b.jpg', sampleFile('image').file) }
  const refused: [string, number, object][] = [
    ['path_not_allowed', 403, { path: foreign }],
    ['path_not_allowed', 403, { path: `${other.id}/nothing/here` }],
    ['path_not_allowed', 403, { path: `${member.id}/../${foreign}` }],
    ['path_not_allowed', 403, { path: `${member.id}/./x` }],
    ['path_not_allowed', 403, { path: `${member.id}//x` }],
    ['path_not_allowed', 403, { path: `/${member.id}/x` }],
    ['path_not_allowed', 403, { path: `${member.id}` }],
    ['path_not_allowed', 403, { path: `${member.id}\\x` }],
    ['path_not_allowed', 403, { path: 'https://example.com/x' }],
    ['file_not_found', 404, { path: `${member.id}/uploads/none.jpg` }],
    ['url_not_allowed', 400, { url: 'file:///etc/passwd' }],
  ]
  // All or none: the good one does not go alone.
  for (const [code, status, attachment] of refused)
    expect(await send([good, attachment])).toMatchObject({ status, body: { error: { code } } })
  const [{ count: after }] = (await gateway.database.query<{ count: number }>(
    'select count(*)::int from public.messages_new',
  )) as [{ count: number }]
  expect(after).toBe(rows)

  const large = await upload(member, 'large.bin', randomBytes(3_500_000))
  const text = await upload(member, 'x.jpg', Buffer.from('<script>alert(1)</script>'), 'image/jpeg')
  const failing: [string, object][] = [
    ['media_too_large', { path: large }],
    ['media_type_not_allowed', { path: text, type: 'image' }],
    ['media_type_not_allowed', { path: text, type: 'voice' }],
    ['media_type_not_allowed', { path: await upload(member, 'a.mp4', sampleFile('video').file), type: 'sticker' }],
    ['media_type_not_allowed', { path: await upload(member, 'empty', new Uint8Array()) }],
    [
      'media_type_not_allowed',
      { path: await upload(member, 'broken.jpg', sampleFile('image').file.subarray(0, 60)), type: 'image' },
    ],
  ]
  for (const [code, attachment] of failing) {
    const [message] = messagesOf(await send([attachment]))
    expect(await failure(message?.id)).toBe(code)
  }
  expect(await gateway.messagesOf(bea.number, ana.number)).toHaveLength(before)
})

test('addresses into the host’s own network are refused: nothing is fetched, nothing is sent', async () => {
  const { port } = site.address() as AddressInfo
  const before = (await gateway.messagesOf(bea.number, ana.number)).length
  const urls = [
    `http://127.0.0.1:${port}/foto.jpg`,
    `http://2130706433:${port}/foto.jpg`,
    `http://017700000001/foto.jpg`,
    'http://[::ffff:127.0.0.1]/foto.jpg',
    'http://169.254.169.254/latest',
    'http://localhost/foto.jpg',
  ]
  const sent = messagesOf(await send(urls.map((url) => ({ url }))))
  for (const { id } of sent) expect(await failure(id)).toBe('url_not_allowed')
  expect(asked).toEqual([])
  expect(await gateway.messagesOf(bea.number, ana.number)).toHaveLength(before)
})

test('a file of an allowed address is kept in one’s folder and sent; one that leads elsewhere or nowhere is not', async () => {
  const { port } = site.address() as AddressInfo
  await gateway.restartHost({ isFetchable: (address) => address === '127.0.0.1' })
  const at = (path: string): object => ({ url: `http://127.0.0.1:${port}${path}` })
  const [good, away, gone] = messagesOf(await send([at('/foto.jpg'), at('/away'), at('/none')]))
  expect((await shown(good?.wa_id)).media).toMatchObject({ kind: 'image', sha256: sha256(sampleFile('image').file) })
  expect([await failure(away?.id), await failure(gone?.id)]).toEqual(['url_not_allowed', 'url_unreachable'])
  const rows = await gateway.database.query(
    'select media_url, media_status, media_mime_type from public.messages_new where id = $1',
    [good?.id],
  )
  expect(rows).toEqual([
    { media_url: `${member.id}/out/${good?.id}.jpg`, media_status: 'stored', media_mime_type: 'image/jpeg' },
  ])
  await gateway.restartHost()
})

test('a file whose message is lost with the connection is sent again with the same id, and not uploaded again', async () => {
  const path = await upload(member, 'c.bin', randomBytes(200_000))
  const before = await uploads()
  await gateway.control.post('/faults', { fault: 'drop_at', step: 'before_accept', number: ana.number })
  const [message] = messagesOf(await send([{ path }]))
  await gateway.shown(bea.number, ana.number, (each) => each.id === message?.wa_id && each.copies === 1)
  await gateway.database.until(
    `select 1 from public.messages_new where id = $1 and status in ('sent', 'delivered')`,
    [message?.id],
    (rows) => rows.length > 0,
  )
  expect(await uploads()).toBe(before + 1)
})

test('an upload that WhatsApp’s media host refuses is tried again', async () => {
  await gateway.control.post('/faults', { fault: 'refuse_uploads' })
  const [message] = messagesOf(await send([{ path: await upload(member, 'd.bin', randomBytes(50_000)) }]))
  expect(await shown(message?.wa_id)).toMatchObject({ media: { bytes: 50_000 } })
})

interface Row {
  id: string
  wa_id: string
  text_content: string | null
  media_status: string
  media_url: string | null
}
const rowOf = async (waId: string, fits: (row: Row) => boolean): Promise<Row> => {
  const [row] = await gateway.database.until<Row>(
    'select id, wa_id, text_content, media_status, media_url from public.messages_new where wa_id = $1',
    [waId],
    ([found]) => found !== undefined && fits(found),
  )
  if (!row) throw new Error('no row')
  return row
}
const sentBy = (facts: Record<string, string>): Promise<{ id: string; sha256: string }> =>
  gateway.control.post(`/phones/${bea.number}/media?${new URLSearchParams({ to: ana.number, ...facts }).toString()}`)
const atCid = async (waId: string): Promise<Shown> =>
  (await gateway.shown(cid.number, ana.number, (each) => each.id === waId)) as Shown
const contentAtCid = (waId: string): Promise<Record<string, Record<string, unknown>>> =>
  gateway.control.get(`/phones/${cid.number}/messages/${waId}/content`)

test('a file that came in is forwarded by REST, socket and SQL, not uploaded again, with the caption as it was edited', async () => {
  const { id: waId, sha256: digest } = await sentBy({ kind: 'image', caption: 'sin editar' })
  const original = await rowOf(waId, (row) => row.media_status === 'stored')
  await gateway.control.post(`/phones/${bea.number}/edit`, { to: ana.number, id: waId, text: 'editado' })
  await rowOf(waId, (row) => row.text_content === 'editado')
  const before = await uploads()
  const request = { messageId: original.id, conversationId: jidOf(cid) }
  await using client = await gateway.join(member)
  const bySocket = await client.ask<{ message: Row }>('forward-message', request)
  const byRest = await gateway.rest(member, 'POST', 'forward_message', request)
  const { data: bySql } = await asClient().rpc('forward_message', {
    p_message: original.id,
    p_conversation: jidOf(cid),
  })
  const copies = [
    bySocket.ok ? bySocket.data.message : null,
    byRest.body['message'] as Row,
    (bySql as { message: Row } | null)?.message,
  ]
  for (const copy of copies) {
    const arrived = await atCid(copy?.wa_id ?? '')
    expect(arrived).toMatchObject({ text: 'editado', media: { kind: 'image', sha256: digest } })
    const { imageMessage } = await contentAtCid(copy?.wa_id ?? '')
    expect(imageMessage?.['contextInfo']).toMatchObject({ isForwarded: true, forwardingScore: 1 })
    expect(await rowOf(copy?.wa_id ?? '', () => true)).toMatchObject({
      text_content: 'editado',
      media_status: 'stored',
      media_url: original.media_url,
    })
  }
  expect(await uploads()).toBe(before)
})

test('a forwarded file stays though its original is deleted for everyone, also before it is sent', async () => {
  const { id: waId, sha256: digest } = await sentBy({ kind: 'document', generate: '2000', seed: 'forward me' })
  const original = await rowOf(waId, (row) => row.media_status === 'stored')
  await gateway.control.post('/faults', { fault: 'drop_at', step: 'before_accept', number: ana.number })
  const { body } = await gateway.rest(member, 'POST', 'forward_message', {
    messageId: original.id,
    conversationId: jidOf(cid),
  })
  await gateway.control.post(`/phones/${bea.number}/revoke`, { to: ana.number, id: waId })
  await rowOf(waId, (row) => row.media_status === 'erased')
  const copy = body['message'] as Row
  expect(await atCid(copy.wa_id)).toMatchObject({ media: { sha256: digest }, copies: 1 })
  const left = await gateway.database.query(
    `select 1 from storage.objects o where o.name = $1 and not exists (select from private.media_removals where path = o.name)`,
    [original.media_url],
  )
  expect(left).toHaveLength(1)
  // Gone with the last message that shows it.
  await gateway.database.query('delete from public.messages_new where id = $1', [copy.id])
  await gateway.database.until(
    'select 1 from storage.objects where name = $1',
    [original.media_url],
    (rows) => !rows[0],
  )
})

test('a file that is older than WhatsApp keeps it is uploaded anew when it is forwarded', async () => {
  const { id: waId, sha256: digest } = await sentBy({ kind: 'voice' })
  const original = await rowOf(waId, (row) => row.media_status === 'stored')
  await gateway.database.query(`update public.messages_new set created_at = now() - interval '20 days' where id = $1`, [
    original.id,
  ])
  const before = await uploads()
  const { body } = await gateway.rest(member, 'POST', 'forward_message', {
    messageId: original.id,
    conversationId: jidOf(cid),
  })
  const { wa_id } = body['message'] as Row
  expect((await atCid(wa_id)).media).toMatchObject({ kind: 'voice', sha256: digest })
  expect((await contentAtCid(wa_id))['audioMessage']).toMatchObject({ contextInfo: { isForwarded: true } })
  expect(await uploads()).toBe(before + 1)
})

test('the caption of a file that was sent is edited, and the file stays what it was', async () => {
  const { file } = sampleFile('image')
  const [message] = messagesOf(await send([{ path: await upload(member, 'e.jpg', file), caption: 'con herrata' }]))
  await shown(message?.wa_id)
  await rowOf(message?.wa_id ?? '', () => true)
  const answer = await gateway.rest(member, 'POST', 'edit_message', {
    messageId: message?.id,
    textContent: 'con errata',
  })
  expect(answer.status).toBe(200)
  const edited = await gateway.shown(
    bea.number,
    ana.number,
    (each) => each.id === message?.wa_id && each.text === 'con errata',
  )
  expect(edited).toMatchObject({ edited: true, media: { sha256: sha256(file) } })
  expect(await opened(message?.wa_id)).toBe(sha256(file))
  expect(await rowOf(message?.wa_id ?? '', () => true)).toMatchObject({
    text_content: 'con errata',
    media_status: 'stored',
  })
  const [sound] = messagesOf(
    await send([{ path: await upload(member, 'e.ogg', sampleFile('voice').file), type: 'voice' }]),
  )
  await shown(sound?.wa_id)
  const refused = await gateway.rest(member, 'POST', 'edit_message', { messageId: sound?.id, textContent: 'x' })
  expect(refused).toMatchObject({ status: 409, body: { error: { code: 'not_editable' } } })
})
