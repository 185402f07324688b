import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPeople, type People, type Person } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

const conversationNames = async (person: Person, query: string) =>
  (
    await people.as(
      person.id,
      `select contact_name from public.list_conversations(p_query => $1) order by contact_name`,
      [query],
    )
  ).map((row) => row['contact_name'])

test('a conversation is found by any part of its name or number, whatever the accents, groups too', async () => {
  const [person, other] = [await people.person(), await people.person()]
  await people.conversation(person, { name: 'Begoña Núñez', phone: '34611222333' })
  await people.conversation(person, { name: 'Fútbol niñas', group: true })
  await people.conversation(other, { name: 'Begoña Núñez' })
  expect(await conversationNames(person, 'nunez')).toEqual(['Begoña Núñez'])
  expect(await conversationNames(person, 'Ñ')).toEqual(['Begoña Núñez', 'Fútbol niñas'])
  expect(await conversationNames(person, 'FUTBOL NIN')).toEqual(['Fútbol niñas'])
  expect(await conversationNames(person, '+34 611-222')).toEqual(['Begoña Núñez'])
  for (const query of ['%', '_', '\\', 'x']) expect(await conversationNames(person, query)).toEqual([])
})

test('lists hold up to 201 rows, one more than the largest page', async () => {
  const person = await people.person()
  let conversation = ''
  for (let n = 0; n < 205; n++) conversation = await people.conversation(person, { name: `n${n}` })
  await people.query(
    `insert into public.messages_new (conversation_id, user_id, session_id, sender_type, message_type, from_me, status, wa_id)
       select $1, $2, $3, 'user', 'text', false, 'received', 'w' || g from generate_series(1, 205) g`,
    [conversation, person.id, person.session],
  )
  for (const call of ['list_conversations(1000)', 'list_contacts(1000)', `list_messages('${conversation}', 1000)`])
    expect(await people.as(person.id, `select from public.${call}`)).toHaveLength(201)
})

test('a contact is found by its uuid and every JID, in old forms too, and by nobody else', async () => {
  const [person, other] = [await people.person(), await people.person()]
  await people.conversation(person, { name: 'Ana', phone: '34699888777' })
  const [contact] = await people.as<{ id: string; jids: string[] }>(person.id, 'select * from public.list_contacts()')
  expect(contact?.jids).toEqual(['34699888777@s.whatsapp.net'])
  for (const reference of [
    contact?.id,
    contact?.id.toUpperCase(),
    '34699888777@s.whatsapp.net',
    '34699888777:3@c.us',
  ]) {
    expect(await people.as(person.id, 'select * from public.get_contact($1)', [reference])).toEqual([contact])
    expect(await people.failureOf(other.id, 'select * from public.get_contact($1)', [reference])).toBe('not_found')
  }
  for (const reference of ['nobody', '', null])
    expect(await people.failureOf(person.id, 'select * from public.get_contact($1)', [reference])).toBe('not_found')
})
