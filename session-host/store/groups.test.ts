import { expect, test } from 'vitest'
import { incoming, openStore } from '../tests/open-store.ts'

const bea = '34600000002@s.whatsapp.net'
const group = '1203630000000-1500000000@g.us'

test('a reaction is kept on its message, once a sender, whatever the order and number of deliveries', async () => {
  await using store = await openStore()
  await store.project({ messages: [incoming(bea, 'M1')] })
  const reaction = (emoji: string | null, atMs: number) => ({
    changes: [{ chat: bea, waId: 'M1', fromMe: false, at: 1, kind: 'reaction' as const, from: bea, emoji, atMs }],
  })
  await store.project(reaction('👍', 2_000))
  await store.project(reaction('😮', 1_000))
  await store.project(reaction('👍', 2_000))
  const interactions = () => store.watch.query('select interactions from public.messages_new')
  expect(await interactions()).toEqual([{ interactions: [{ type: 'reaction', from: bea, at: 2_000, emoji: '👍' }] }])
  expect(await store.watch.query(`select 1 from public.session_events where type = 'message.updated'`)).toHaveLength(1)
  await store.project(reaction(null, 3_000))
  expect(await interactions()).toEqual([{ interactions: [{ type: 'reaction', from: bea, at: 3_000, emoji: null }] }])
})

test('a group has its facts and participants, and an event when they change', async () => {
  await using store = await openStore()
  const chat = {
    jid: group,
    name: 'Vecinos',
    group: { facts: { description: 'Portal 3' }, participants: [{ jid: bea, role: 'admin' as const }] },
  }
  await store.project({ chats: [chat] })
  await store.project({ chats: [chat] })
  await store.project({
    chats: [
      {
        jid: group,
        group: {
          changed: [
            { jid: bea, role: 'member' },
            { jid: '34600000003@s.whatsapp.net', role: 'member' },
          ],
        },
      },
    ],
  })
  await store.project({ chats: [{ jid: group, group: { changed: [{ jid: bea, role: null }] } }] })
  expect(
    await store.watch.query(
      'select g.description, p.jid, p.role from public.groups g join public.group_participants p using (conversation_id)',
    ),
  ).toEqual([{ description: 'Portal 3', jid: '34600000003@s.whatsapp.net', role: 'member' }])
  expect(await store.conversations()).toMatchObject([{ external_id: group, name: 'Vecinos' }])
  const updates = await store.watch.query(`select 1 from public.session_events where type = 'conversation.updated'`)
  expect(updates).toHaveLength(3)
})

test('who in a group has received and read a message only ever rises', async () => {
  await using store = await openStore()
  await store.project({ messages: [{ ...incoming(group, 'M1'), fromMe: true, status: 'sent' }] })
  const receipt = (status: 'delivered' | 'read', at: number) => ({
    receipts: [{ chat: group, waId: 'M1', fromMe: true, status, member: { jid: bea, at } }],
  })
  await store.project(receipt('read', 20))
  await store.project(receipt('delivered', 10))
  expect(
    await store.watch.query(
      'select participant_jid, status, extract(epoch from at)::int as at from public.message_receipts',
    ),
  ).toEqual([{ participant_jid: bea, status: 'read', at: 20 }])
  expect(await store.watch.query('select status from public.messages_new')).toEqual([{ status: 'sent' }])
})
