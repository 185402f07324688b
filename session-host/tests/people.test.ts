import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const carla = { number: '34600000003', lid: '200000000000003', name: 'Carla', push_name: 'Carla' }

let gateway: Gateway
let member: Member
beforeAll(async () => {
  gateway = await startGateway()
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, carla] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

const say = (from: string, text: string, as: 'lid' | 'pn' = 'lid') =>
  gateway.control.post(`/phones/${from}/say`, { to: ana.number, text, as })
const arrived = (text: string) =>
  gateway.database.until<{ conversation_id: string }>(
    'select conversation_id from public.messages_new where text_content = $1',
    [text],
    (rows) => rows.length === 1,
  )
const conversation = (jid: string) =>
  gateway.database.query<{ id: string; external_id: string; contact_name: string }>(
    `select c.id, c.external_id, c.contact_name from public.conversations_new c
       where c.id = private.find_conversation((select user_id from public.whatsapp_sessions limit 1), $1)`,
    [jid],
  )
const contact = async (jid: string) =>
  (await gateway.rest(member, 'GET', `contact?contactId=${jid}`)).body['contact'] as Record<string, unknown>
const block = (contactId: string, blocked: boolean) =>
  gateway.rest(member, 'POST', 'block_contact', { contactId, blocked })
const untilBlocked = (blocked: boolean) =>
  gateway.database.until(
    `select 1 from public.contacts c join public.contact_identities i on i.contact_id = c.id
       where i.jid = $1 and c.blocked = $2`,
    [lidOf(bea), blocked],
    (rows) => rows.length === 1,
  )

test('a name that is saved on the phone comes before the one that the person chose, in the list and in the contact', async () => {
  await say(bea.number, 'soy Bea')
  await arrived('soy Bea')
  expect(await conversation(jidOf(bea))).toMatchObject([{ contact_name: 'Bea' }])
  await gateway.control.post(`/phones/${ana.number}/settings`, {
    action: 'contact',
    with: bea.number,
    name: 'Bea Ruiz',
  })
  await gateway.database.until(
    'select 1 from public.conversations_new where contact_name = $1',
    ['Bea Ruiz'],
    (rows) => rows.length === 1,
  )
  expect(await contact(jidOf(bea))).toMatchObject({ display_name: 'Bea Ruiz', name: 'Bea Ruiz', push_name: 'Bea' })
})

test('a profile picture is found, followed when it changes, and gone when it is removed', async () => {
  await say(bea.number, 'con foto')
  await arrived('con foto')
  const picture = Buffer.from('ffd8ffe000104a464946', 'hex')
  await gateway.control.request('PUT', `/phones/${bea.number}/picture`, { type: 'image/jpeg', body: picture })
  const [row] = await gateway.database.until<{ url: string }>(
    'select contact_photo_url as url from public.conversations_new where contact_photo_url is not null',
    [],
    (rows) => rows.length === 1,
  )
  expect(Buffer.from(await (await fetch(row?.url ?? '')).arrayBuffer())).toEqual(picture)
  expect(await contact(jidOf(bea))).toMatchObject({ photo_url: row?.url })
  await gateway.control.request('DELETE', `/phones/${bea.number}/picture`)
  await gateway.database.until(
    'select 1 from public.conversations_new where contact_photo_url is not null',
    [],
    (rows) => rows.length === 0,
  )
})

test('who is blocked on the phone shows as such, also when it happened while no host ran', async () => {
  await gateway.control.post(`/phones/${ana.number}/block`, { with: bea.number, on: true })
  await untilBlocked(true)
  expect(await contact(lidOf(bea))).toMatchObject({ blocked: true, phone: bea.number })
  await gateway.stopHost()
  await gateway.control.post(`/phones/${ana.number}/block`, { with: bea.number, on: false })
  await gateway.restartHost()
  await untilBlocked(false)
})

test('the owner blocks and unblocks on WhatsApp; what a blocked person writes does not arrive', async () => {
  expect(await block(jidOf(bea), true)).toMatchObject({ status: 200, body: { contact: { blocked: true } } })
  await say(bea.number, 'no llega')
  expect(await block(lidOf(bea), false)).toMatchObject({ status: 200, body: { contact: { blocked: false } } })
  await say(bea.number, 'llega')
  await arrived('llega')
  expect(await gateway.database.query(`select 1 from public.messages_new where text_content = 'no llega'`)).toEqual([])
  expect(await block('34699999999@s.whatsapp.net', true)).toMatchObject({
    status: 404,
    body: { error: { code: 'not_found' } },
  })
})

test('who takes another number stays one conversation, with a notice in it, and both numbers answer', async () => {
  await say(carla.number, 'antes', 'pn')
  const [before] = await arrived('antes')
  const number = '34600000333'
  await gateway.control.post(`/phones/${carla.number}/change_number`, { number })
  const [notice] = await gateway.database.until<Record<string, unknown>>(
    `select conversation_id, sender_type, message_type, content, wa_id from public.messages_new where message_type = 'notice'`,
    [],
    (rows) => rows.length === 1,
  )
  expect(notice).toMatchObject({
    conversation_id: before?.conversation_id,
    sender_type: 'system',
    content: { notice: { kind: 'number_changed', participants: [jidOf(carla)], value: number } },
  })
  await say(number, 'después', 'pn')
  expect(await arrived('después')).toEqual([before])
  for (const jid of [jidOf(carla), jidOf({ number }), lidOf(carla)])
    expect(await conversation(jid)).toMatchObject([
      { id: before?.conversation_id, external_id: jidOf({ number }), contact_name: 'Carla' },
    ])
})

test('a number that goes to somebody else begins a conversation of its own; the one before keeps theirs under the LID', async () => {
  await say(bea.number, 'la de antes', 'pn')
  const [before] = await arrived('la de antes')
  await gateway.control.post(`/phones/${bea.number}/recycle`, { name: 'Otra', lid: '200000000000777' })
  await say(bea.number, 'la de ahora', 'pn')
  const [after] = await arrived('la de ahora')
  expect(after?.conversation_id).not.toBe(before?.conversation_id)
  expect(await conversation(jidOf(bea))).toMatchObject([{ id: after?.conversation_id, external_id: jidOf(bea) }])
  expect(await conversation(lidOf(bea))).toMatchObject([{ id: before?.conversation_id }])
})

test('who hides the number is one conversation by LID, which gets the number when it shows', async () => {
  const eva = { number: '34600000051', lid: '200000000000051', name: 'Eva Luna' }
  await gateway.control.post('/phones', { ...eva, contacts: [], history: [] })
  await gateway.control.post(`/phones/${eva.number}/hide_number`, { on: true })
  await say(eva.number, 'sin número')
  const [hidden] = await arrived('sin número')
  expect(await conversation(lidOf(eva))).toMatchObject([{ external_id: lidOf(eva), contact_name: 'Eva Luna' }])
  await gateway.control.post(`/phones/${eva.number}/hide_number`, { on: false })
  await say(eva.number, 'con número', 'pn')
  expect(await arrived('con número')).toEqual([hidden])
  expect(await conversation(lidOf(eva))).toMatchObject([{ id: hidden?.conversation_id, external_id: jidOf(eva) }])
})

test('nothing in all this was unknown to the simulator', async () => {
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
