import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { GroupMember } from '#shared/group.ts'
import { ana, bea, jidOf, lidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const eva = { number: '34600000003', lid: '200000000000003', name: 'Eva Sanz', push_name: 'Eva' }
let gateway: Gateway
let member: Member
/** A group that is there before the link, and one that is made after it. */
let old: string
let jid: string

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.control.post('/phones', { contacts: [bea, eva], history: [], ...ana })
  old = await makeGroup('De siempre')
  await gateway.linkPhone(member, { ...ana, contacts: [bea, eva] })
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function makeGroup(subject: string): Promise<string> {
  const made = await gateway.control.post<{ jid: string }>('/groups', {
    by: bea.number,
    subject,
    description: 'Portal 3',
    members: [{ number: ana.number }, { number: eva.number, role: 'admin' }],
  })
  return made.jid
}

interface Notice {
  sender_type: string
  message_type: string
  sender_jid: string | null
  text_content: null
  content: { notice: { kind: string; by?: string; participants?: string[]; value?: string } }
}
const notices = (count: number, group = jid) =>
  gateway.database.until<Notice>(
    `select m.sender_type, m.message_type, m.sender_jid, m.text_content, m.content from public.messages_new m
       join public.conversations_new c on c.id = m.conversation_id
       where c.external_id = $1 and m.message_type = 'notice' order by m.created_at, m.ordinal`,
    [group],
    (rows) => rows.length >= count,
  )
async function group(reference: string): Promise<Record<string, unknown> & { participants: GroupMember[] }> {
  const { body } = await gateway.rest(member, 'GET', `groups/${encodeURIComponent(reference)}`)
  return body['group'] as never
}
const listed = (reference: string) =>
  gateway.database.until(
    `select 1 from public.groups g join public.conversations_new c on c.id = g.conversation_id
       where c.external_id = $1 and g.listed_at is not null`,
    [reference],
    (rows) => rows.length > 0,
  )

test('a group from before the link is a conversation, and has its facts and members with names and roles', async () => {
  await listed(old)
  expect(await group(old)).toMatchObject({
    jid: old,
    subject: 'De siempre',
    description: 'Portal 3',
    owner_jid: lidOf(bea),
    only_admins_send: false,
    left_at: null,
    complete: true,
    size: 3,
    my_role: 'member',
    participants: [
      { jid: lidOf(bea), role: 'superadmin', name: expect.stringMatching(/^Bea/), phone: bea.number, is_me: false },
      { jid: lidOf(eva), role: 'admin', name: expect.stringMatching(/^Eva/), phone: eva.number, is_me: false },
      { jid: lidOf(ana), role: 'member', phone: ana.number, is_me: true },
    ],
  })
  const { body } = await gateway.rest(member, 'GET', 'groups?limit=1')
  expect(body).toMatchObject({ groups: [{ jid: old }], next_cursor: null })
  const listing = await gateway.rest(member, 'GET', 'get_conversations')
  expect(listing.body['conversations']).toContainEqual(
    expect.objectContaining({ external_id: old, kind: 'group', contact_name: 'De siempre' }),
  )
})

test('messages go both ways with sender keys, and a send asks the server for no members', async () => {
  await gateway.control.post(`/groups/${old}/say`, { from: eva.number, text: 'buenas' })
  const [came] = await gateway.database.until<{ sender_jid: string }>(
    "select sender_jid from public.messages_new where text_content = 'buenas'",
    [],
    (rows) => rows.length > 0,
  )
  expect(came).toEqual({ sender_jid: lidOf(eva) })
  // Were anybody missing in what is stored, they would not get it.
  await gateway.control.post('/faults', { fault: 'rate_overlimit', number: ana.number, xmlns: 'w:g2', on: true })
  for (const text of ['hola a todos', 'y otra vez'])
    await gateway.rest(member, 'POST', 'send_message', { conversationId: old, textContent: text })
  for (const phone of [bea, eva]) await gateway.shown(phone.number, old, (message) => message.text === 'y otra vez')
  await gateway.control.request('DELETE', '/faults')
})

test('every change is a system notice in the chat, is announced, and the group is as it says', async () => {
  const client = await gateway.join(member)
  jid = await makeGroup('Vecinos')
  const event = await client.next<{ type: string; message?: { message_type: string; sender_type: string } }>(
    'event',
    (each) => each.message?.message_type === 'notice',
  )
  expect(event).toMatchObject({ type: 'message.created', message: { sender_type: 'system', text_content: null } })
  const by = { by: bea.number }
  await gateway.control.post(`/groups/${jid}/subject`, { ...by, subject: 'Portal 3', description: 'Solo avisos' })
  await gateway.control.post(`/groups/${jid}/settings`, { ...by, only_admins_send: true, only_admins_edit: true })
  await gateway.control.post(`/groups/${jid}/picture`, by)
  for (const action of ['demote', 'promote', 'remove', 'add'])
    await gateway.control.post(`/groups/${jid}/members`, { ...by, action, numbers: [eva.number] })
  await gateway.control.post(`/groups/${jid}/settings`, { ...by, disappearing_seconds: 86_400 })
  await gateway.control.post(`/groups/${jid}/leave`, { number: eva.number })
  const rows = await notices(12)
  // The timer is a message to Baileys, and takes another way.
  expect(rows.map(({ content }) => content.notice.kind).filter((kind) => kind !== 'disappearing')).toEqual([
    'group_created',
    'group_subject',
    'group_description',
    'group_only_admins_send',
    'group_only_admins_edit',
    'group_picture',
    'group_demoted',
    'group_promoted',
    'group_removed',
    'group_added',
    'group_left',
  ])
  expect(rows[8]).toEqual({
    sender_type: 'system',
    message_type: 'notice',
    sender_jid: lidOf(bea),
    text_content: null,
    content: { notice: { kind: 'group_removed', by: lidOf(bea), participants: [lidOf(eva)] } },
  })
  expect(await group(jid)).toMatchObject({
    subject: 'Portal 3',
    description: 'Solo avisos',
    only_admins_send: true,
    only_admins_edit: true,
    disappearing_seconds: 86_400,
    participants: [{ jid: lidOf(bea) }, { jid: lidOf(ana) }],
  })
  // Notices are read by themselves.
  const [conversation] = await gateway.database.query(
    'select unread_count from public.conversations_new where external_id = $1',
    [jid],
  )
  expect(conversation).toEqual({ unread_count: 0 })
})

test('changes while the host was away are there afterwards, once and in order', async () => {
  const before = (await notices(12)).length
  await gateway.stopHost()
  for (const subject of ['Uno', 'Dos', 'Tres'])
    await gateway.control.post(`/groups/${jid}/subject`, { by: bea.number, subject })
  await gateway.control.post(`/groups/${jid}/members`, { by: bea.number, action: 'add', numbers: [eva.number] })
  await gateway.restartHost()
  const rows = await notices(before + 4)
  expect(rows.slice(before).map(({ content }) => content.notice.value ?? content.notice.kind)).toEqual([
    'Uno',
    'Dos',
    'Tres',
    'group_added',
  ])
  expect(await group(jid)).toMatchObject({ subject: 'Tres', size: 3 })
})

test('who is removed is outside, and who is added again is inside, with everybody who is there', async () => {
  const removal = { by: bea.number, action: 'remove', numbers: [ana.number] }
  await gateway.control.post(`/groups/${old}/members`, removal)
  await gateway.database.until(
    `select 1 from public.groups g join public.conversations_new c on c.id = g.conversation_id
       where c.external_id = $1 and g.left_at is not null`,
    [old],
    (rows) => rows.length > 0,
  )
  expect(await group(old)).toMatchObject({ my_role: null })
  await gateway.control.post(`/groups/${old}/members`, { ...removal, numbers: [eva.number] })
  await gateway.control.post(`/groups/${old}/members`, { ...removal, action: 'add' })
  await gateway.database.until(
    `select 1 from public.group_participants p join public.conversations_new c on c.id = p.conversation_id
       join public.groups g on g.conversation_id = c.id
       where c.external_id = $1 and g.left_at is null having count(*) = 2`,
    [old],
    (rows) => rows.length > 0,
  )
  expect(await group(old)).toMatchObject({ left_at: null, my_role: 'member', size: 2 })
})

test('another user’s group, and a chat that is none, are not found', async () => {
  const other = await gateway.createMember()
  for (const [who, reference] of [
    [other, jid],
    [member, jidOf(bea)],
    [member, 'nonsense'],
  ] as const)
    expect(await gateway.rest(who, 'GET', `groups/${encodeURIComponent(reference)}`)).toMatchObject({
      status: 404,
      body: { error: { code: 'conversation_not_found' } },
    })
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
