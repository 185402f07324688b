import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ana, bea, jidOf, startGateway, type Gateway, type Member, type RestAnswer } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const eva = { number: '34600000003', lid: '200000000000003', name: 'Eva Sanz', push_name: 'Eva' }
const shy = { number: '34600000004', lid: '200000000000004', name: 'Leo', push_name: 'Leo' }
/** The beginning of a JPEG: the simulator keeps bytes, it looks at no picture. */
const picture = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]).toString('base64')

let gateway: Gateway
let member: Member
/** Made here, so an own one; and Bea's, in which Ana is a member. */
let own: string
let added: unknown
let theirs: { jid: string; conversationId: string }

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, eva, shy] })
  await gateway.control.post(`/phones/${shy.number}/privacy`, { name: 'groupadd', value: 'none' })
  const { body } = await ask('create_group', { subject: 'Cena', participants: [bea, shy].map(jidOf) })
  added = (body['result'] as { participants: unknown }).participants
  own = (body['result'] as { conversation_id: string }).conversation_id
  const { jid } = await gateway.control.post<{ jid: string }>('/groups', {
    by: bea.number,
    subject: 'De Bea',
    members: [{ number: ana.number }],
  })
  theirs = { jid, conversationId: (await inside(jid)).conversation_id }
})
afterAll(() => gateway[Symbol.asyncDispose]())

const ask = (path: string, body: object): Promise<RestAnswer> => gateway.rest(member, 'POST', path, body)
const change = (action: string, ...people: { number: string }[]): Promise<RestAnswer> =>
  ask('group_participants', { conversationId: own, action, participants: people.map(jidOf) })

interface Shown {
  jid: string
  subject: string
  members: { number: string; role: string }[]
}
/** The group as WhatsApp's server has it. */
async function onServer(subject: string): Promise<Shown & Record<string, unknown>> {
  const { groups } = await gateway.control.get<{ groups: (Shown & Record<string, unknown>)[] }>('/groups')
  const group = groups.find((each) => each.subject === subject)
  if (!group) throw new Error('no such group')
  return group
}
const role = async (number: string) => (await onServer('Cena')).members.find((each) => each.number === number)?.role

/** Resolves when the account is stored as a member of the group. */
async function inside(jid: string): Promise<{ conversation_id: string }> {
  const [row] = await gateway.database.until<{ conversation_id: string }>(
    `select g.conversation_id from public.groups g join public.conversations_new c on c.id = g.conversation_id
       where c.external_id = $1 and g.left_at is null and exists (
         select from public.group_participants p where p.conversation_id = c.id and p.jid like any(array[$2, $3]))`,
    [jid, `${ana.number}@%`, `${ana.lid}@%`],
    (rows) => rows.length > 0,
  )
  if (!row) throw new Error('not stored')
  return row
}

test('who does not let themselves be added is told apart when a group is made', () => {
  expect(added).toMatchObject([
    { jid: jidOf(bea), ok: true },
    { jid: jidOf(shy), ok: false, code: 'not_allowed' },
  ])
})

test('members are added, promoted, demoted and removed, and each is told apart who could not be', async () => {
  expect((await change('add', eva, shy, bea)).body['result']).toMatchObject({
    participants: [
      { jid: jidOf(eva), ok: true },
      { jid: jidOf(shy), ok: false, code: 'not_allowed' },
      { jid: jidOf(bea), ok: false, code: 'already_in' },
    ],
  })
  expect((await change('promote', eva)).body['result']).toMatchObject({ participants: [{ ok: true }] })
  expect(await role(eva.number)).toBe('admin')
  expect((await change('demote', eva)).status).toBe(200)
  expect(await role(eva.number)).toBe('member')
  expect((await change('remove', eva)).status).toBe(200)
  expect(await role(eva.number)).toBeUndefined()
  expect((await change('remove', eva)).body['result']).toMatchObject({
    participants: [{ jid: jidOf(eva), ok: false, code: 'not_a_member' }],
  })
})

test('settings and the picture of a group reach WhatsApp, and go back', async () => {
  const set = (changes: object) => ask('update_group', { conversationId: own, ...changes })
  const all = { onlyAdminsSend: true, onlyAdminsEdit: true, onlyAdminsAdd: true, joinApproval: true, picture }
  expect((await set(all)).status).toBe(200)
  const on = { only_admins_send: true, only_admins_edit: true, only_admins_add: true, approval: true }
  expect(await onServer('Cena')).toMatchObject({ ...on, picture_bytes: 7 })
  const off = Object.fromEntries(Object.keys(all).map((name) => [name, name === 'picture' ? null : false]))
  expect((await set(off)).status).toBe(200)
  expect(await onServer('Cena')).toMatchObject({
    ...Object.fromEntries(Object.keys(on).map((name) => [name, false])),
    picture_bytes: 0,
  })
})

test('an invitation is a link that lets one in until another takes its place', async () => {
  const invite = async (revoke: boolean) =>
    (await ask('group_invite', { conversationId: own, revoke })).body['result'] as { code: string; url: string }
  const { code, url } = await invite(false)
  expect(url).toBe(`https://chat.whatsapp.com/${code}`)
  expect((await onServer('Cena'))['invite']).toBe(code)
  const fresh = await invite(true)
  expect(fresh.code).not.toBe(code)
  expect((await ask('join_group', { code })).body.error?.code).toBe('invalid_invite')
  expect((await ask('join_group', { code: fresh.url })).body['result']).toMatchObject({ conversation_id: own })
})

test('who asks over the socket learns what became of it, by an event with the number of the command', async () => {
  const client = await gateway.join(member)
  const action = async (event: string, data: object) =>
    ((await client.ask(event as never, data as never)) as unknown as { data: { command_id: number } }).data.command_id
  interface Outcome {
    type: string
    data: { command_id: number; error_code?: string }
    result?: unknown
  }
  const outcome = (id: number) => client.next<Outcome>('event', (event: Outcome) => event.data.command_id === id)
  const invited = await action('group-invite', { conversationId: own })
  expect(await outcome(invited)).toMatchObject({
    type: 'command.finished',
    data: { command: 'group', conversation_id: own },
    result: { url: expect.stringMatching(/^https:\/\/chat\.whatsapp\.com\//) },
  })
  const joined = await action('join-group', { code: 'AbCdEfGhIjKlMnOpQrStUv' })
  expect(await outcome(joined)).toMatchObject({ type: 'command.failed', data: { error_code: 'invalid_invite' } })
})

test('what is an admin’s is refused to a member, before WhatsApp is asked', async () => {
  const { conversationId } = theirs
  const participants = [jidOf(bea)]
  for (const [path, body] of [
    ['group_participants', { action: 'remove', participants }],
    ['group_participants', { action: 'promote', participants }],
    ['group_participants', { action: 'demote', participants }],
    ['group_invite', { revoke: true }],
    ['update_group', { onlyAdminsSend: true }],
    ['update_group', { onlyAdminsEdit: false }],
    ['update_group', { onlyAdminsAdd: true }],
    ['update_group', { joinApproval: true }],
  ] as const)
    expect([path, await ask(path, { conversationId, ...body })]).toMatchObject([
      path,
      { status: 403, body: { error: { code: 'group_admins_only' } } },
    ])
  // What only WhatsApp knows of, it refuses itself, with the same code.
  await gateway.control.post(`/groups/${theirs.jid}/settings`, { by: bea.number, only_admins_add: true })
  const add = { conversationId, action: 'add', participants: [jidOf(eva)] }
  expect(await ask('group_participants', add)).toMatchObject({
    status: 403,
    body: { error: { code: 'group_admins_only' } },
  })
})

test('who has left a group, or was put out of it, can do nothing in it, and join it again by its link', async () => {
  const { conversationId, jid } = theirs
  await gateway.control.post(`/groups/${jid}/settings`, { by: bea.number, only_admins_add: false })
  const { code } = (await ask('group_invite', { conversationId })).body['result'] as { code: string }
  expect((await ask('leave_group', { conversationId })).status).toBe(200)
  await gateway.database.until(
    'select 1 from public.groups where conversation_id = $1 and left_at is not null',
    [conversationId],
    (rows) => rows.length > 0,
  )
  for (const [path, body] of [
    ['send_message', { textContent: 'hola' }],
    ['update_group', { subject: 'x' }],
    ['group_participants', { action: 'add', participants: [jidOf(eva)] }],
    ['group_invite', {}],
    ['leave_group', {}],
  ] as const)
    expect([path, await ask(path, { conversationId, ...body })]).toMatchObject([
      path,
      { status: 409, body: { error: { code: 'not_in_group' } } },
    ])
  expect((await ask('join_group', { code })).body['result']).toMatchObject({ conversation_id: conversationId })
  await inside(jid)
  expect((await ask('send_message', { conversationId, textContent: 'otra vez aquí' })).status).toBe(202)
  await gateway.shown(bea.number, jid, ({ text }) => text === 'otra vez aquí')
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
