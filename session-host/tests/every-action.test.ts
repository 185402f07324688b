import { randomUUID } from 'node:crypto'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { actions, type Action, type ActionName, type SqlCall } from '#shared/actions.ts'
import { describeError, type ErrorCode } from '#shared/errors.ts'
import { sampleFile } from '../simulator/sample-media.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type Member, type RestAnswer } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const cid = { number: '34600000003', lid: '200000000000003', name: 'Cid', push_name: 'Cid' }
let gateway: Gateway
let member: Member
let sql: SupabaseClient
/** What the cases are about; made once. */
let at: Record<
  | 'own'
  | 'old'
  | 'theirs'
  | 'sound'
  | 'poll'
  | 'revoked'
  | 'foreign'
  | 'group'
  | 'ownGroup'
  | 'leavable'
  | 'left'
  | 'code',
  string
>

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, cid] })
  sql = createClient(gateway.stack.url, gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '', {
    accessToken: async () => member.token,
  })
  for (const each of [bea, cid]) await rest('start_conversation', { jid: jidOf(each) })
  const [theirs, revoked] = [await said('hola'), await said('se borra')]
  await gateway.control.post(`/phones/${bea.number}/revoke`, { to: ana.number, id: revoked.waId })
  const poll = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/poll`, {
    to: ana.number,
    name: '¿Cuándo?',
    options: ['hoy', 'mañana'],
    selectable: 1,
  })
  const sound = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/media?to=${ana.number}&kind=voice`)
  const [own, old] = [await sent('mío'), await sent('viejo')]
  await gateway.database.query(`update public.messages_new set created_at = now() - interval '3 days' where id = $1`, [
    old,
  ])
  await gateway.database.until('select 1 from public.messages_new where revoked_at is not null', [], ([row]) => !!row)
  const [group, left] = [await groupOf('De Bea'), await groupOf('Pasado')]
  await rest('leave_group', { conversationId: left })
  await gateway.database.until('select 1 from public.groups where left_at is not null', [], ([row]) => !!row)
  const ownGroup = await made('Mío')
  const leavable = await made('Breve')
  const invited = await rest('group_invite', { conversationId: ownGroup })
  at = {
    own,
    old,
    theirs: theirs.id,
    sound: (await rowOf(sound.id)).id,
    poll: (await rowOf(poll.id)).id,
    revoked: revoked.id,
    foreign: await foreignMessage(),
    group,
    ownGroup,
    leavable,
    left,
    code: (invited.body['result'] as { code: string }).code,
  }
})
afterAll(() => gateway[Symbol.asyncDispose]())

const rest = (path: string, body: object, key?: string): Promise<RestAnswer> =>
  gateway.rest(member, 'POST', path, body, key ? { 'idempotency-key': key } : {})

async function rowOf(waId: string): Promise<{ id: string }> {
  const rows = await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [waId],
    (found) => found.length > 0,
  )
  return rows[0] ?? { id: '' }
}
async function said(text: string): Promise<{ id: string; waId: string }> {
  const { id: waId } = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, { to: ana.number, text })
  return { ...(await rowOf(waId)), waId }
}
async function sent(textContent: string): Promise<string> {
  const { body } = await rest('send_message', { conversationId: jidOf(bea), textContent })
  const { id } = body['message'] as { id: string }
  await gateway.database.until('select status from public.messages_new where id = $1', [id], ([row]) =>
    ['sent', 'delivered', 'read'].includes(String(row?.['status'])),
  )
  return id
}
async function made(subject: string): Promise<string> {
  const { body } = await rest('create_group', { subject, participants: [jidOf(bea)] })
  return (body['result'] as { conversation_id: string }).conversation_id
}
/** A group of Bea's that Ana is a member of. */
async function groupOf(subject: string): Promise<string> {
  const { jid } = await gateway.control.post<{ jid: string }>('/groups', {
    by: bea.number,
    subject,
    members: [{ number: ana.number }],
  })
  const [row] = await gateway.database.until<{ id: string }>(
    `select c.id from public.conversations_new c where c.external_id = $1 and exists (
       select from public.group_participants p where p.conversation_id = c.id and p.jid like any(array[$2, $3]))`,
    [jid, `${ana.number}@%`, `${ana.lid}@%`],
    (rows) => rows.length > 0,
  )
  return row?.id ?? ''
}
/** A message of somebody else. */
async function foreignMessage(): Promise<string> {
  const other = await gateway.createMember()
  const [row] = await gateway.database.query<{ id: string }>(
    `with s as (insert into public.whatsapp_sessions (user_id) values ($1) returning id),
       c as (insert into public.conversations_new (user_id, session_id, external_id, kind)
         select $1, id, '1@g.us', 'group' from s returning id, session_id)
     insert into public.messages_new (conversation_id, user_id, session_id, sender_type, message_type, text_content, wa_id, from_me, status)
       select id, $1, session_id, 'user', 'text', 'ajeno', 'FOREIGN', true, 'sent' from c returning id`,
    [other.id],
  )
  return row?.id ?? ''
}

/** Everything that a request could leave behind. */
const traces = async (): Promise<object | undefined> =>
  (
    await gateway.database.query(
      `select (select count(*) from public.messages_new) as messages, (select count(*) from private.session_commands) as commands,
         (select count(*) from private.media_sends) as files, (select count(*) from private.message_protos) as protos,
         (select count(*) from private.idempotency_keys) as keys, (select count(*) from storage.objects) as objects,
         (select count(*) from public.conversations_new) as conversations`,
    )
  )[0]

const none = '00000000-0000-4000-8000-000000000000'
const long = 'x'.repeat(70_000)
const chat = { conversationId: jidOf(bea) }
const unknownChat = { conversationId: '34611111111@s.whatsapp.net' }
const place = { latitude: 1, longitude: 2 }
const cards = { contacts: [{ name: 'Ana', phones: ['+34600111222'] }] }
const poll = { name: '¿?', options: ['a', 'b'] }
const inLeft = () => ({ conversationId: at.left })
const inGroup = () => ({ conversationId: at.group })

type Bad = [code: ErrorCode, body: () => object]
/** What each action refuses, and how it says so. A request that is none at all is `invalid_request`. */
const bad: Record<ActionName, Bad[]> = {
  send_location: [
    ['invalid_request', () => ({ ...chat, ...place, surprise: 1 })],
    ['invalid_request', () => ({ ...chat, ...place, replyTo: 'x' })],
    ['invalid_location', () => ({ ...chat, ...place, latitude: 90.1 })],
    ['invalid_location', () => ({ ...chat, ...place, longitude: '2' })],
    ['invalid_location', () => ({ ...chat, ...place, name: 7 })],
    ['invalid_location', () => ({ ...chat, ...place, address: long })],
    ['conversation_not_found', () => ({ ...unknownChat, ...place })],
    ['message_not_found', () => ({ ...chat, ...place, replyTo: none })],
    ['message_not_found', () => ({ ...chat, ...place, replyTo: at.foreign })],
    ['not_in_group', () => ({ ...inLeft(), ...place })],
  ],
  send_contacts: [
    ['invalid_request', () => ({ ...cards })],
    ['invalid_contact', () => ({ ...chat, contacts: 'Ana' })],
    ['invalid_contact', () => ({ ...chat, contacts: [] })],
    ['invalid_contact', () => ({ ...chat, contacts: [{ name: 'Ana', phones: ['no'] }] })],
    ['invalid_contact', () => ({ ...chat, contacts: [{ name: long, phones: ['+34600111222'] }] })],
    ['invalid_contact', () => ({ ...chat, contacts: [{ name: 'Ana', vcard: 'no card' }] })],
    ['invalid_contact', () => ({ ...chat, contacts: Array.from({ length: 101 }, () => cards.contacts[0]) })],
    ['conversation_not_found', () => ({ ...unknownChat, ...cards })],
    ['message_not_found', () => ({ ...chat, ...cards, replyTo: none })],
    ['not_in_group', () => ({ ...inLeft(), ...cards })],
  ],
  send_poll: [
    ['invalid_request', () => ({ ...chat, ...poll, votes: [] })],
    ['invalid_poll', () => ({ ...chat, ...poll, options: 'a' })],
    ['invalid_poll', () => ({ ...chat, ...poll, options: ['a', 'a'] })],
    ['invalid_poll', () => ({ ...chat, ...poll, options: Array.from({ length: 13 }, (_, n) => `${n}`) })],
    ['invalid_poll', () => ({ ...chat, ...poll, name: long })],
    ['invalid_poll', () => ({ ...chat, ...poll, selectable: 1.5 })],
    ['conversation_not_found', () => ({ ...unknownChat, ...poll })],
    ['message_not_found', () => ({ ...chat, ...poll, replyTo: none })],
    ['not_in_group', () => ({ ...inLeft(), ...poll })],
  ],
  forward_message: [
    ['invalid_request', () => ({ ...chat, messageId: 'x' })],
    ['message_not_found', () => ({ ...chat, messageId: none })],
    ['message_not_found', () => ({ ...chat, messageId: at.foreign })],
    ['not_forwardable', () => ({ ...chat, messageId: at.revoked })],
    ['conversation_not_found', () => ({ ...unknownChat, messageId: at.theirs })],
    ['not_in_group', () => ({ ...inLeft(), messageId: at.theirs })],
  ],
  edit_message: [
    ['invalid_request', () => ({ messageId: at.own, textContent: 7 })],
    ['empty_text', () => ({ messageId: at.own, textContent: ' \n' })],
    ['text_too_long', () => ({ messageId: at.own, textContent: long })],
    ['message_not_found', () => ({ messageId: none, textContent: 'x' })],
    ['message_not_found', () => ({ messageId: at.foreign, textContent: 'x' })],
    ['message_not_found', () => ({ messageId: at.revoked, textContent: 'x' })],
    ['message_not_yours', () => ({ messageId: at.theirs, textContent: 'x' })],
    ['message_too_old', () => ({ messageId: at.old, textContent: 'x' })],
  ],
  delete_message: [
    ['invalid_request', () => ({ messageId: 7 })],
    ['message_not_found', () => ({ messageId: none })],
    ['message_not_found', () => ({ messageId: at.foreign })],
    ['message_not_yours', () => ({ messageId: at.theirs })],
    ['message_too_old', () => ({ messageId: at.old })],
  ],
  delete_for_me: [
    ['invalid_request', () => ({ messageId: 'x' })],
    ['message_not_found', () => ({ messageId: none })],
    ['message_not_found', () => ({ messageId: at.foreign })],
  ],
  star_message: [
    ['invalid_request', () => ({ messageId: at.theirs, starred: 'yes' })],
    ['message_not_found', () => ({ messageId: none, starred: true })],
    ['message_not_found', () => ({ messageId: at.foreign, starred: true })],
  ],
  react: [
    ['invalid_request', () => ({ messageId: at.theirs })],
    ['invalid_reaction', () => ({ messageId: at.theirs, emoji: 'no' })],
    ['invalid_reaction', () => ({ messageId: at.theirs, emoji: '👍'.repeat(40) })],
    ['message_not_found', () => ({ messageId: none, emoji: '👍' })],
    ['message_not_found', () => ({ messageId: at.foreign, emoji: '👍' })],
  ],
  vote: [
    ['invalid_request', () => ({ messageId: at.poll, options: 'hoy' })],
    ['invalid_vote', () => ({ messageId: at.poll, options: ['nunca'] })],
    ['invalid_vote', () => ({ messageId: at.poll, options: ['hoy', 'mañana'] })],
    ['not_a_poll', () => ({ messageId: at.theirs, options: [] })],
    ['message_not_found', () => ({ messageId: none, options: [] })],
  ],
  set_disappearing: [
    ['invalid_request', () => ({ ...chat, seconds: '0' })],
    ['invalid_timer', () => ({ ...chat, seconds: 60 })],
    ['conversation_not_found', () => ({ ...unknownChat, seconds: 0 })],
    ['not_in_group', () => ({ ...inLeft(), seconds: 0 })],
  ],
  reject_call: [
    ['invalid_request', () => ({ callId: '' })],
    ['call_not_found', () => ({ callId: 'none' })],
  ],
  request_history: [
    ['invalid_request', () => ({ ...chat, count: 501 })],
    ['conversation_not_found', () => ({ ...unknownChat })],
    ['message_not_found', () => ({ conversationId: jidOf(cid) })],
  ],
  create_group: [
    ['invalid_request', () => ({ subject: 'x' })],
    ['invalid_group', () => ({ subject: '', participants: [jidOf(bea)] })],
    ['invalid_group', () => ({ subject: 'x'.repeat(101), participants: [jidOf(bea)] })],
    ['invalid_group', () => ({ subject: 'x', participants: ['bea'] })],
    ['invalid_group', () => ({ subject: 'x', participants: [jidOf(bea), jidOf(bea)] })],
  ],
  update_group: [
    ['invalid_request', () => ({ ...inGroup(), subject: 7 })],
    ['invalid_group', () => ({ ...inGroup() })],
    ['invalid_group', () => ({ ...inGroup(), description: 'x'.repeat(2_049) })],
    ['invalid_group', () => ({ ...inGroup(), picture: 'no picture' })],
    ['not_a_group', () => ({ ...chat, subject: 'x' })],
    ['conversation_not_found', () => ({ conversationId: '1@g.us', subject: 'x' })],
    ['not_in_group', () => ({ ...inLeft(), subject: 'x' })],
    ['group_admins_only', () => ({ ...inGroup(), onlyAdminsSend: true })],
  ],
  group_participants: [
    ['invalid_request', () => ({ ...inGroup(), action: 'ban', participants: [jidOf(cid)] })],
    ['invalid_group', () => ({ ...inGroup(), action: 'add', participants: [] })],
    ['invalid_group', () => ({ ...inGroup(), action: 'add', participants: ['1@g.us'] })],
    ['not_a_group', () => ({ ...chat, action: 'add', participants: [jidOf(cid)] })],
    ['not_in_group', () => ({ ...inLeft(), action: 'add', participants: [jidOf(cid)] })],
    ['group_admins_only', () => ({ ...inGroup(), action: 'remove', participants: [jidOf(bea)] })],
  ],
  group_invite: [
    ['invalid_request', () => ({ ...inGroup(), revoke: 'yes' })],
    ['not_a_group', () => ({ ...chat })],
    ['not_in_group', () => ({ ...inLeft() })],
    ['group_admins_only', () => ({ ...inGroup(), revoke: true })],
  ],
  join_group: [
    ['invalid_request', () => ({ code: '' })],
    ['invalid_invite', () => ({ code: 'https://example.com/x' })],
  ],
  leave_group: [
    ['invalid_request', () => ({})],
    ['not_a_group', () => ({ ...chat })],
    ['conversation_not_found', () => ({ ...unknownChat })],
    ['not_in_group', () => ({ ...inLeft() })],
  ],
}

const names = Object.keys(actions) as ActionName[]
/** The SQL call of an action; null for a request that SQL never sees. */
function callOf(name: ActionName, body: object, key: string | null): SqlCall | null {
  const action: Action = actions[name]
  const parsed = action.request.safeParse(body)
  return parsed.success ? action.call(parsed.data, key) : null
}

describe('what is wrong is refused with its own code by REST and SQL, and leaves nothing behind', () => {
  test.for(names)('%s', async (name) => {
    const before = await traces()
    for (const [code, body] of bad[name]) {
      const answer = await rest(name, body(), randomUUID())
      expect([body(), answer.status, answer.body.error?.code]).toEqual([body(), describeError(code, 'en').status, code])
      const call = callOf(name, body(), randomUUID())
      if (!call) continue
      const { error } = await sql.rpc(call.name, call.args)
      expect([body(), error?.hint]).toEqual([body(), code])
    }
    expect(await traces()).toEqual(before)
  })

  test('a text with attachments, in either of them', async () => {
    const before = await traces()
    const other = await gateway.createMember()
    const cases: Bad[] = [
      ['invalid_request', () => ({ textContent: 7 })],
      ['empty_text', () => ({ textContent: '' })],
      ['text_too_long', () => ({ textContent: long })],
      ['invalid_mention', () => ({ textContent: 'a', mentions: ['34600111222@s.whatsapp.net'] })],
      ['invalid_preview', () => ({ textContent: 'a', preview: { url: 'https://x.es', title: 'x' } })],
      ['message_not_found', () => ({ textContent: 'x', replyTo: at.foreign })],
      ['file_not_found', () => ({ textContent: '', attachments: [{ path: `${member.id}/none` }] })],
      ['path_not_allowed', () => ({ textContent: '', attachments: [{ path: `${other.id}/a` }] })],
      ['url_not_allowed', () => ({ textContent: '', attachments: [{ url: 'ftp://example.com' }] })],
      ['invalid_request', () => ({ textContent: '', attachments: [{ path: 'a', type: 'hologram' }] })],
    ]
    for (const [code, body] of cases)
      expect([body(), (await rest('send_message', { ...chat, ...body() })).body.error?.code]).toEqual([body(), code])
    for (const [hint, p_attachments] of [
      ['invalid_attachment', 'a'],
      ['invalid_attachment', [{ path: 7 }]],
      ['invalid_attachment', [{ path: 'a', type: 'hologram' }]],
      ['invalid_attachment', [{ url: 'https://example.com/a', type: 'voice', caption: 'x' }]],
      ['file_not_found', [{ path: `${member.id}/none` }]],
      ['path_not_allowed', [{ path: `${other.id}/a` }]],
    ]) {
      const args = { p_conversation: chat.conversationId, p_text: '', p_attachments }
      const { error } = await sql.rpc('submit_attachments', args)
      expect([p_attachments, error?.hint]).toEqual([p_attachments, hint])
    }
    expect(await traces()).toEqual(before)
  })

  test('SQL refuses what REST would not let through either', async () => {
    const before = await traces()
    const calls: [string, object, ErrorCode][] = [
      ['send_content', { p_content: { location: place, poll } }, 'invalid_request'],
      ['send_content', { p_content: { video: 'x' } }, 'invalid_request'],
      ['send_content', { p_content: { location: place }, p_sender_type: 'system' }, 'invalid_request'],
      ['submit_message', { p_text: 'x', p_sender_type: 'system' }, 'invalid_request'],
      ['group_command', { p_action: 'explode', p_arguments: {} }, 'invalid_group'],
      ['group_command', { p_action: 'leave', p_arguments: { subject: 'x' } }, 'invalid_group'],
      ['request_history', { p_count: 0 }, 'invalid_request'],
      ['set_disappearing', { p_seconds: -1 }, 'invalid_timer'],
    ]
    for (const [name, args, code] of calls) {
      const { error } = await sql.rpc(name, { p_conversation: chat.conversationId, ...args })
      expect([name, args, error?.hint]).toEqual([name, args, code])
    }
    expect(await traces()).toEqual(before)
  })
})

/** A request that is carried out, and another one that its key is not for. In an order in which each can be. */
const good: Record<ActionName, () => Promise<[object, object]> | [object, object]> = {
  send_location: () => [
    { ...chat, ...place },
    { ...chat, ...place, latitude: 3 },
  ],
  send_contacts: () => [
    { ...chat, ...cards },
    { ...chat, contacts: [{ name: 'Otra', phones: ['+34600111222'] }] },
  ],
  send_poll: () => [
    { ...chat, ...poll },
    { ...chat, ...poll, name: '¿Otra?' },
  ],
  forward_message: () => [
    { ...chat, messageId: at.sound },
    { ...chat, messageId: at.theirs },
  ],
  react: () => [
    { messageId: at.theirs, emoji: '👍' },
    { messageId: at.theirs, emoji: null },
  ],
  vote: () => [
    { messageId: at.poll, options: ['hoy'] },
    { messageId: at.poll, options: ['mañana'] },
  ],
  edit_message: () => [
    { messageId: at.own, textContent: 'editado' },
    { messageId: at.own, textContent: 'otra vez' },
  ],
  delete_message: () => [{ messageId: at.own }, { messageId: at.theirs }],
  star_message: () => [
    { messageId: at.theirs, starred: true },
    { messageId: at.theirs, starred: false },
  ],
  delete_for_me: () => [{ messageId: at.sound }, { messageId: at.theirs }],
  set_disappearing: () => [
    { conversationId: jidOf(cid), seconds: 86_400 },
    { conversationId: jidOf(cid), seconds: 0 },
  ],
  request_history: () => [
    { ...chat, count: 5 },
    { ...chat, count: 6 },
  ],
  reject_call: async () => {
    const call = (): Promise<{ id: string }> =>
      gateway.control.post(`/phones/${bea.number}/call`, { to: ana.number, video: false })
    const { id: callId } = await call()
    await gateway.database.until('select 1 from private.calls where call_id = $1', [callId], ([row]) => !!row)
    return [{ callId }, { callId: 'another' }]
  },
  create_group: () => [
    { subject: 'Una vez', participants: [jidOf(bea)] },
    { subject: 'Otra vez', participants: [jidOf(bea)] },
  ],
  update_group: () => [
    { conversationId: at.ownGroup, subject: 'Cambiado' },
    { conversationId: at.ownGroup, subject: 'Otro' },
  ],
  group_participants: () => [
    { conversationId: at.ownGroup, action: 'add', participants: [jidOf(cid)] },
    { conversationId: at.ownGroup, action: 'remove', participants: [jidOf(cid)] },
  ],
  group_invite: () => [
    { conversationId: at.ownGroup, revoke: false },
    { conversationId: at.ownGroup, revoke: true },
  ],
  join_group: () => [{ code: at.code }, { code: 'AbCdEfGhIjKlMnOpQrStUv' }],
  leave_group: () => [{ conversationId: at.leavable }, { conversationId: at.ownGroup }],
}

describe('one key is one effect and one answer, by REST and SQL; for anything else it is refused', () => {
  const count = async (): Promise<{ commands: number; messages: number }> => {
    const [row] = await gateway.database.query<{ commands: number; messages: number }>(
      `select (select count(*)::int from private.session_commands where kind not in ('mark_read', 'mark_played')) as commands,
         (select count(*)::int from public.messages_new where from_me and message_type <> 'notice') as messages`,
    )
    return row ?? { commands: 0, messages: 0 }
  }
  test.for(Object.keys(good) as ActionName[])('%s', async (name) => {
    const [body, other] = await good[name]()
    const key = randomUUID()
    const isMessage = actions[name].answers === 'message'
    const before = await count()
    const first = await rest(name, body, key)
    expect([first.status, first.body.error?.code]).toEqual([isMessage ? 202 : 200, undefined])
    const idOf = (answer: Record<string, unknown>): unknown =>
      isMessage ? (answer['message'] as { id: string }).id : answer['command_id']
    const again = await rest(name, body, key)
    expect([again.status, idOf(again.body)]).toEqual([first.status, idOf(first.body)])
    expect(isMessage || again.body).toEqual(isMessage || first.body)
    const call = callOf(name, body, key)
    const { data, error } = await sql.rpc(call?.name ?? '', call?.args)
    expect(error).toBeNull()
    expect(data).toMatchObject({ replayed: true })
    expect(idOf(data as Record<string, unknown>)).toBe(idOf(first.body))
    expect(await rest(name, other, key)).toMatchObject({
      status: 409,
      body: { error: { code: 'idempotency_conflict' } },
    })
    expect(await count()).toEqual({
      commands: before.commands + 1,
      messages: before.messages + (isMessage ? 1 : 0),
    })
  })

  test('files', async () => {
    const path = `${member.id}/uploads/${randomUUID()}/a.jpg`
    const { file } = sampleFile('image')
    expect((await sql.storage.from('media').upload(path, new Uint8Array(file))).error).toBeNull()
    const body = { ...chat, textContent: 'pie', attachments: [{ path }] }
    const key = randomUUID()
    const [first, again] = [await rest('send_message', body, key), await rest('send_message', body, key)]
    const { id, wa_id } = first.body['message'] as { id: string; wa_id: string }
    expect(again.body['message']).toMatchObject({ id })
    expect((await rest('send_message', { ...body, textContent: 'otro' }, key)).body.error?.code).toBe(
      'idempotency_conflict',
    )
    expect(await gateway.shown(bea.number, ana.number, (message) => message.id === wa_id)).toMatchObject({ copies: 1 })
  })

  test('nothing of it was more than WhatsApp expects', async () => {
    expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
  })
})
