import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FORGERIES } from '../simulator/forge.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const eva = { number: '34600000003', lid: '200000000000003', name: 'Eva Sanz', push_name: 'Eva' }
let gateway: Gateway
let member: Member
let group: string
/** WhatsApp ids of messages that are not Bea's: Ana's own to Bea and in the group, Eva's to Ana and in the group; a poll of each kind. */
const others: { id: string; fromMe: boolean; chat: string }[] = []

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 10 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea, eva] })
  const made = await gateway.control.post<{ jid: string }>('/groups', {
    // Who forges is no admin: those may delete what others wrote.
    by: eva.number,
    subject: 'Vecinos',
    members: [{ number: ana.number }, { number: bea.number }],
  })
  group = made.jid
  for (const phone of [bea, eva])
    await gateway.control.post(`/phones/${phone.number}/say`, { to: ana.number, text: `de ${phone.name}` })
  const inGroup = await gateway.control.post<{ id: string }>(`/groups/${group}/say`, {
    from: eva.number,
    text: 'en el grupo',
  })
  await gateway.database.until(
    "select 1 from public.messages_new where message_type = 'text'",
    [],
    (rows) => rows.length === 3,
  )
  const eva1 = await gateway.database.query<{ wa_id: string }>(
    'select wa_id from public.messages_new where text_content = $1',
    [`de ${eva.name}`],
  )
  others.push(
    { id: inGroup.id, fromMe: false, chat: group },
    { id: eva1[0]?.wa_id ?? '', fromMe: false, chat: jidOf(eva) },
  )
  for (const conversationId of [jidOf(bea), group]) {
    const { body } = await gateway.rest<{ body: { message: { id: string; wa_id: string } } }>(
      member,
      'POST',
      'send_message',
      { conversationId, textContent: 'de Ana' },
    )
    await gateway.database.until(
      'select 1 from public.messages_new where id = $1 and status not in ($2, $3)',
      [body.message.id, 'pending', 'failed'],
      (rows) => rows.length > 0,
    )
    others.push({ id: body.message.wa_id, fromMe: true, chat: conversationId })
  }
  const asked = await poll(ana.number, bea.number)
  const askedInGroup = await poll(eva.number, group)
  others.push({ id: asked, fromMe: true, chat: jidOf(bea) }, { id: askedInGroup, fromMe: false, chat: group })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** A poll that everybody in the chat has, Ana's companion too. */
async function poll(from: string, to: string): Promise<string> {
  const { id } = await gateway.control.post<{ id: string }>(`/phones/${from}/poll`, {
    to,
    name: '¿Cuándo?',
    options: ['hoy', 'mañana'],
  })
  await gateway.database.until('select 1 from public.messages_new where wa_id = $1', [id], (rows) => rows.length === 1)
  return id
}

/** All that a forgery could change: messages, people, chats, groups, keys, history. Receipts may still rise. */
async function everything(): Promise<unknown> {
  const [row] = await gateway.database.query<{ it: unknown }>(
    `select jsonb_build_object(
       'messages', (select jsonb_agg(jsonb_build_array(wa_id, from_me, sender_jid, message_type, text_content, content, interactions, edited_at, revoked_at, hidden_at, starred, created_at) order by ordinal) from public.messages_new),
       'contacts', (select jsonb_agg(to_jsonb(c) - 'updated_at' order by id) from public.contacts c),
       'identities', (select jsonb_agg(to_jsonb(i) order by jid) from public.contact_identities i),
       'chats', (select jsonb_agg(jsonb_build_array(id, external_id, contact_name, archived, pinned_at, muted_until, unread_count, hidden_at, last_message_id) order by id) from public.conversations_new),
       'participants', (select jsonb_agg(jsonb_build_array(conversation_id, jid, role) order by conversation_id, jid) from public.group_participants),
       'session', (select jsonb_agg(jsonb_build_array(phone, lid, push_name, status) order by id) from public.whatsapp_sessions),
       'state keys', (select jsonb_agg(jsonb_build_array(type, id) order by type, id) from private.whatsapp_keys where type in ('app-state-sync-key', 'lid-mapping')),
       'history', (select count(*) from private.history_chunks)) as it`,
  )
  return row?.it
}

async function answered(id: string): Promise<void> {
  await gateway.database.until(
    'select 1 from private.inbox where projected_at is null',
    [],
    (rows) => rows.length === 0,
  )
  await gateway.control.until(async () => {
    const { devices } = await gateway.control.get<{ devices: { queued: number }[] }>(`/phones/${ana.number}`)
    return devices.every((device) => device.queued === 0) ? true : undefined
  })
  expect(id).not.toBe('')
}

test.for(['direct', 'group'] as const)(
  'in a %s chat no protocol message changes anything that is not its sender’s to change',
  async (where) => {
    const before = await everything()
    for (const kind of FORGERIES)
      for (const { id, fromMe, chat } of others) {
        const forged = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/forge`, {
          kind,
          to: ana.number,
          id,
          from_me: fromMe,
          chat,
          text: `falso ${kind}`,
          ...(where === 'group' ? { group } : {}),
        })
        await answered(forged.id)
      }
    expect(await everything()).toEqual(before)
  },
)

test('after all that the contact is heard as before, and may still take back and edit what they wrote themselves', async () => {
  const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, {
    to: ana.number,
    text: 'de verdad',
  })
  const text = (fits: (row: { text_content: string | null; revoked_at: Date | null }) => boolean) =>
    gateway.database.until<{ text_content: string | null; revoked_at: Date | null }>(
      'select text_content, revoked_at from public.messages_new where wa_id = $1',
      [said.id],
      (rows) => rows.some(fits),
    )
  await text((row) => row.text_content === 'de verdad')
  await gateway.control.post(`/phones/${bea.number}/edit`, { to: ana.number, id: said.id, text: 'de veras' })
  await text((row) => row.text_content === 'de veras')
  await gateway.control.post(`/phones/${bea.number}/revoke`, { to: ana.number, id: said.id })
  expect(await text((row) => row.revoked_at !== null)).toMatchObject([{ text_content: null }])
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})
