import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../../supabase/local/realtime/listen.fixture.ts'
import { startGateway, type Gateway, type Member } from './start-gateway.ts'

let gateway: Gateway
beforeAll(async () => {
  gateway = await startGateway({ host: false })
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** A user with a session that was linked, and a page of theirs that listens with the stock client. */
async function listener() {
  const member = await gateway.createMember()
  const [session] = await gateway.database.query<{ id: string }>(
    `insert into public.whatsapp_sessions (user_id, linked_at, phone) values ($1, now(), '34600000001') returning id`,
    [member.id],
  )
  await gateway.database.query(
    `with c as (insert into public.contacts (user_id, session_id, phone) values ($1, $2, '34600000002') returning id)
     insert into public.conversations_new (user_id, session_id, contact_id, external_id)
       select $1, $2, id, '34600000002@s.whatsapp.net' from c`,
    [member.id, session?.id],
  )
  const client = createClient(gateway.stack.url, gateway.stack.publishableKey, {
    accessToken: () => Promise.resolve(member.token),
  })
  const page = await listen(client, `user:${member.id}`, { private: true })
  return { member, page, sessionId: session?.id ?? '', stop: () => client.realtime.removeAllChannels() }
}

/** A user writes with supabase-js and nothing else. */
async function submit(member: Member, text: string): Promise<void> {
  const client = createClient(gateway.stack.url, gateway.stack.publishableKey, {
    accessToken: () => Promise.resolve(member.token),
  })
  const { error } = await client.rpc('submit_message', { p_conversation: '34600000002@s.whatsapp.net', p_text: text })
  expect(error).toBeNull()
}

test('what a user wrote while no host ran is announced when one comes, and what they write then at once, by one of several', async () => {
  const { member, page, sessionId, stop } = await listener()
  await submit(member, 'uno')
  await submit(member, 'dos')
  await using first = await gateway.startHost()
  const announced = await page.next()
  expect(announced).toMatchObject({ event: 'events', payload: { session_id: sessionId, seq_from: 1, seq_to: 2 } })
  await using second = await gateway.startHost()
  expect(second.port).not.toBe(first.port)
  await submit(member, 'tres')
  expect(await page.next()).toMatchObject({ payload: { session_id: sessionId, seq_from: 3, seq_to: 3 } })
  await first[Symbol.asyncDispose]()
  await submit(member, 'cuatro')
  expect(await page.next()).toMatchObject({ payload: { session_id: sessionId, seq_from: 4, seq_to: 4 } })
  expect(page.received).toHaveLength(3)
  await stop()
})
