import { expect, test } from 'vitest'
import { createSimulator } from './simulator.ts'
import { createControl } from './testing/control.ts'
import './testing/quiet-signal.ts'

const json = (body: unknown) => ({
  type: 'application/json',
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

test('a new phone gets three contacts with a short chat each, an existing number is given back unchanged', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'phones' })
  const control = createControl(simulator.url)
  const first = await control.request('POST', '/phones', json({}))
  expect(first.status).toBe(201)
  const phone = first.body as unknown as {
    number: string
    contacts: { number: string; name: string }[]
    chats: { unread: number; last: { text: string } }[]
  }
  expect(phone.number).toMatch(/^1202555(0[2-9]|[1-9]\d)\d\d$/)
  expect(phone.contacts).toHaveLength(3)
  expect(new Set(phone.contacts.map((each) => each.name)).size).toBe(3)
  expect(phone.chats.map((each) => each.unread)).toEqual([1, 0, 2])
  const again = await control.request('POST', '/phones', json({ number: `+${phone.number}`, name: 'Otro' }))
  expect(again).toMatchObject({ status: 200, body: { number: phone.number, name: first.body.name } })
  const contact = await control.post(`/phones/${phone.number}/contacts`, { number: '34600000801', name: 'Óscar' })
  expect(contact).toMatchObject({ number: '34600000801', name: 'Óscar', push_name: 'Óscar', saved: true })
})

test('phones write to each other, show the same conversation, and read it', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'talk' })
  const control = createControl(simulator.url)
  await control.post('/phones', { number: '12025550810', name: 'Ana', history: [] })
  await control.post('/phones', { number: '12025550811', name: 'Bea', history: [] })
  const sent = await control.post('/phones/12025550810/say', {
    to: '12025550811@s.whatsapp.net',
    text: 'Hola',
    id: 'MINE0001',
    at: 1_700_000_000,
  })
  expect(sent).toEqual({ id: 'MINE0001', at: 1_700_000_000 })
  const list = (number: string, query = '') => control.get<{ messages: object[] }>(`/phones/${number}/messages${query}`)
  expect((await list('12025550811', '?with=12025550810')).messages).toMatchObject([
    {
      n: 1,
      id: 'MINE0001',
      from: '12025550810',
      to: '12025550811',
      from_me: false,
      text: 'Hola',
      addressed: 'pn',
      copies: 1,
    },
  ])
  expect((await list('12025550811', '?after=1')).messages).toEqual([])
  await control.post('/phones/12025550811/read', { with: '12025550810' })
  const read = await control.until(async () => {
    const { messages } = await list('12025550810')
    return messages.some((each) => 'status' in each && each.status === 'read') ? messages : undefined
  })
  expect(read).toMatchObject([{ from_me: true, status: 'read' }])
  expect(await control.get('/phones/12025550811')).toMatchObject({
    chats: [{ with: '12025550810', name: 'Ana', unread: 0 }],
  })
})

test('a wrong request is answered with a code and a sentence', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'wrong' })
  const control = createControl(simulator.url)
  await control.post('/phones', { number: '12025550820', history: [] })
  const cases = [
    ['POST', '/phones', json({ number: 'abc' }), 400, 'invalid_request'],
    ['POST', '/phones', json('{'), 400, 'invalid_request'],
    ['POST', '/phones', json({ nmae: 'x' }), 400, 'invalid_request'],
    ['GET', '/phones/999', {}, 404, 'unknown_phone'],
    ['POST', '/phones/12025550820/say', json({ to: '34999999999', text: 'x' }), 404, 'unknown_recipient'],
    ['POST', '/phones/12025550820/scan', json({ camera: true }), 409, 'nothing_in_view'],
    ['POST', '/phones/12025550820/drop', json({ how: 'clean', device: 3 }), 404, 'unknown_device'],
    ['POST', '/faults', json({ fault: 'gremlins', number: '12025550820' }), 400, 'invalid_request'],
    ['POST', '/phones', json('x'.repeat(2_200_000)), 413, 'too_large'],
    ['GET', '/camera', {}, 404, 'nothing_in_view'],
    ['GET', '/nowhere', {}, 404, 'not_found'],
    ['GET', '/%E0%A4', {}, 404, 'not_found'],
    ['GET', '/..%2f..%2fmain.ts', {}, 404, 'not_found'],
  ] as const
  for (const [method, path, init, status, code] of cases) {
    expect({ path, ...(await control.request(method, path, init)) }).toMatchObject({
      path,
      status,
      body: { error: { code, message: expect.stringMatching(/\w{3}/) } },
    })
  }
})

test('pages of this machine may use it, pages from elsewhere may not', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'origins' })
  const control = createControl(simulator.url)
  const near = await control.request('OPTIONS', '/phones', { origin: 'http://localhost:3000' })
  expect(near.headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
  const far = await control.request('POST', '/phones', { ...json({}), origin: 'https://example.org' })
  expect(far).toMatchObject({ status: 403, body: { error: { code: 'origin_not_allowed' } } })
  expect(await control.get('/phones')).toEqual({ phones: [] })
})

test('the event stream replays what was kept and goes on live', async () => {
  await using simulator = await createSimulator({ port: 0, seed: 'events' })
  const control = createControl(simulator.url)
  await control.post('/phones', { number: '12025550830', history: [] })
  const abort = new AbortController()
  const response = await fetch(`${simulator.url}/events?after=0`, { signal: abort.signal })
  expect(response.headers.get('content-type')).toContain('text/event-stream')
  let text = ''
  let asked = false
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.includes('"12025550830"') && !asked) {
      asked = true
      await control.post('/phones', { number: '12025550831', history: [] })
    }
    if (text.includes('"12025550831"')) break
  }
  abort.abort()
  expect(text).toMatch(/data: \{.*"type":"phone.created".*\nid: 1\n/)
})
