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

test('a search of conversations gives every hit once over pages, however far back it is', async () => {
  const person = await people.person()
  await people.query(
    `with person as (
         insert into public.contacts (user_id, session_id, name)
           select $1, $2, case when g % 3 = 0 then 'Peña ' when g < 20 then 'Viejo ' else 'Otro ' end || g
             from generate_series(1, 1300) g returning id, name)
     insert into public.conversations_new (user_id, session_id, contact_id, external_id, contact_name, last_message_at)
       select $1, $2, id, id::text, name, timestamptz '2025-01-01' + split_part(name, ' ', 2)::integer / 7 * interval '1 hour' from person`,
    [person.id, person.session],
  )
  for (const [query, pattern, limit] of [
    ['pena', 'Peña %', 100],
    ['viejo', 'Viejo %', 5],
    ['otro 1', 'Otro 1%', 201],
  ] as const) {
    const expected = await people.query(
      `select id from public.conversations_new where user_id = $1 and contact_name like $2 order by activity_at desc, id desc`,
      [person.id, pattern],
    )
    const seen: unknown[] = []
    let last: Record<string, unknown> | undefined
    do {
      const page: Record<string, unknown>[] = await people.as(
        person.id,
        'select id, activity_at from public.list_conversations($1, $2, $3, $4)',
        [limit, last?.['activity_at'], last?.['id'], query],
      )
      seen.push(...page.map(({ id }) => id))
      last = page.at(-1)
    } while (last)
    expect(seen).toEqual(expected.map(({ id }) => id))
  }
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
