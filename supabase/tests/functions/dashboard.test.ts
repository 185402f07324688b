import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPeople, type People } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

test('administrators see sessions, stuck sends, volume and storage of every user', async () => {
  const person = await people.person()
  const conversation = await people.conversation(person)
  const today = new Date().toISOString()
  await people.message(person, conversation, { text: 'hola', at: today })
  const stuck = await people.message(person, conversation, {
    text: 'año',
    fromMe: true,
    status: 'pending',
    at: '2025-01-20T10:00:00Z',
  })
  await people.message(person, conversation, { text: 'ahora', fromMe: true, status: 'pending', at: today })
  const image = await people.message(person, conversation, { text: null, type: 'image', at: today })
  await people.query(
    `update public.messages_new set media_status = 'stored', media_url = 'x', media_size_bytes = 12, media_mime_type = 'image/png' where id = $1`,
    [image],
  )
  const admin = (text: string) => people.as(null, text)
  expect(await admin('select * from dashboard.sessions')).toMatchObject([
    {
      session_id: person.session,
      status: 'connected',
      is_held: false,
      is_orphaned: true,
      open_commands: '0',
      last_seq: '0',
    },
  ])
  await people.host.query('select private.acquire_lease($1, gen_random_uuid(), 60)', [person.session])
  expect(await admin('select * from dashboard.sessions')).toMatchObject([
    { is_held: true, is_orphaned: false, epoch: '1' },
  ])
  expect(await admin('select * from dashboard.stuck_sends')).toMatchObject([{ message_id: stuck, command_id: null }])
  expect(await admin('select received, sent, media from dashboard.volume_per_day')).toEqual([
    { received: '2', sent: '1', media: '1' },
  ])
  expect(await admin('select * from dashboard.storage_per_user')).toMatchObject([
    { user_id: person.id, conversations: '1', messages: '4', text_bytes: '13', media_files: '1', media_bytes: '12' },
  ])
})

test('the views are closed to users', async () => {
  const person = await people.person()
  for (const view of ['sessions', 'stuck_sends', 'volume_per_day', 'storage_per_user'])
    expect(await people.failureOf(person.id, `select from dashboard.${view}`)).toBe('42501')
})
