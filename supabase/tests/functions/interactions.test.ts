import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPeople, type People } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

async function newMessage(group = false) {
  const person = await people.person()
  const conversation = await people.conversation(person, { group })
  return { person, conversation, id: await people.message(person, conversation, { text: 'hola', fromMe: true }) }
}
const set = async (session: string, message: string, interaction: unknown) =>
  (
    await people.host.query<{ it: boolean }>('select private.set_interaction($1, $2, $3) as it', [
      session,
      message,
      JSON.stringify(interaction),
    ])
  ).rows[0]?.it
const stored = async (message: string) =>
  (await people.query('select interactions from public.messages_new where id = $1', [message]))[0]?.['interactions']

test('one sender has one reaction; the newest counts, also when it takes the reaction back', async () => {
  const { person, id } = await newMessage()
  const reaction = (from: string, at: number, emoji: string | null) => ({ type: 'reaction', from, at, emoji })
  expect(await set(person.session, id, reaction('me', 1, '👍'))).toBe(true)
  expect(await set(person.session, id, reaction('34600@s.whatsapp.net', 2, '❤️'))).toBe(true)
  expect(await set(person.session, id, reaction('me', 3, '😂'))).toBe(true)
  expect(await set(person.session, id, reaction('me', 1, '👍'))).toBe(false)
  expect(await set(person.session, id, reaction('34600@s.whatsapp.net', 4, null))).toBe(true)
  expect(await set(person.session, id, reaction('34600@s.whatsapp.net', 2, '❤️'))).toBe(false)
  expect(await stored(id)).toEqual([reaction('me', 3, '😂'), reaction('34600@s.whatsapp.net', 4, null)])
})

const interaction = fc.oneof(
  fc.record({
    type: fc.constant('reaction'),
    from: fc.constantFrom('me', '1@lid', '2@s.whatsapp.net'),
    at: fc.integer({ min: 1, max: 4 }),
    emoji: fc.constantFrom(null, '👍', '❤️'),
  }),
  fc.record({
    type: fc.constant('poll_vote'),
    from: fc.constantFrom('me', '1@lid'),
    at: fc.integer({ min: 1, max: 4 }),
    options: fc.subarray(['sí', 'no']),
  }),
)

test('interactions end alike in whatever order and however often they are delivered', async () => {
  const { person, conversation } = await newMessage()
  await fc.assert(
    fc.asyncProperty(
      fc.array(interaction, { minLength: 1, maxLength: 8 }),
      fc.infiniteStream(fc.nat()),
      async (items, luck) => {
        const [once, again] = [
          await people.message(person, conversation, { text: 'a' }),
          await people.message(person, conversation, { text: 'a' }),
        ]
        for (const item of items) await set(person.session, once, item)
        const shuffled = [...items, ...items]
          .map((item) => ({ item, key: luck.next().value }))
          .toSorted((a, b) => a.key - b.key)
        for (const { item } of shuffled) await set(person.session, again, item)
        expect(await stored(again)).toEqual(await stored(once))
      },
    ),
    { numRuns: 30 },
  )
})

test('what is no interaction is refused, in the function and in the column', async () => {
  const { person, id } = await newMessage()
  for (const bad of [
    {},
    { type: 'reaction', from: 'me', at: 1 },
    { type: 'reaction', from: 'somebody', at: 1, emoji: 'x' },
    { type: 'reaction', from: 'me', at: '1', emoji: 'x' },
    { type: 'poll_vote', from: 'me', at: 1, options: [1] },
    { type: 'button_reply', from: 'me', at: 1, id: 'x' },
    { type: 'other', from: 'me', at: 1 },
    'reaction',
  ]) {
    await expect(set(person.session, id, bad)).rejects.toMatchObject({ hint: 'invalid_request' })
    await expect(
      people.query('update public.messages_new set interactions = $2 where id = $1', [id, JSON.stringify([bad])]),
    ).rejects.toMatchObject({ code: '23514' })
  }
  const twice = [1, 2].map((at) => ({ type: 'reaction', from: 'me', at, emoji: 'x' }))
  await expect(
    people.query('update public.messages_new set interactions = $2 where id = $1', [id, JSON.stringify(twice)]),
  ).rejects.toMatchObject({ code: '23514' })
})

test('a deleted message and another session’s take no interaction', async () => {
  const [one, two] = [await newMessage(), await newMessage()]
  const reaction = { type: 'reaction', from: 'me', at: 1, emoji: '👍' }
  expect(await set(two.person.session, one.id, reaction)).toBe(false)
  await people.query('update public.messages_new set revoked_at = now() where id = $1', [one.id])
  expect(await set(one.person.session, one.id, reaction)).toBe(false)
  expect(await stored(one.id)).toEqual([])
})

test('a member’s receipt only rises, in whatever order receipts come', async () => {
  const { person, id } = await newMessage(true)
  const raise = (session: string, ...statuses: string[]) =>
    people.host.query(`select private.raise_receipts($1, $2, $3, $4, $5) as n`, [
      session,
      statuses.map(() => id),
      statuses.map(() => '1@lid'),
      statuses,
      statuses.map(() => '2025-01-20T10:00:00Z'),
    ])
  const status = async () =>
    (await people.as(person.id, 'select status from public.message_receipts where message_id = $1', [id]))[0]?.[
      'status'
    ]
  await raise(person.session, 'delivered', 'sent')
  expect(await status()).toBe('delivered')
  await raise(person.session, 'read')
  await raise(person.session, 'delivered')
  expect(await status()).toBe('read')
  const stranger = await people.person()
  await raise(stranger.session, 'played')
  expect(await status()).toBe('read')
  expect(await people.as(stranger.id, 'select from public.message_receipts')).toEqual([])
})

test('a group’s facts and members are stored as told, and telling them again changes nothing', async () => {
  const { person, conversation } = await newMessage(true)
  const store = async (facts: object, participants: object[] | null) =>
    (
      await people.host.query<{ it: boolean }>('select private.store_group($1, $2, $3, $4) as it', [
        person.session,
        conversation,
        JSON.stringify(facts),
        participants && JSON.stringify(participants),
      ])
    ).rows[0]?.it
  const members = [{ jid: '1@lid', role: 'superadmin' }, { jid: '2@lid' }]
  expect(await store({ description: 'vecinos', only_admins_send: true }, members)).toBe(true)
  expect(await store({ description: 'vecinos' }, members)).toBe(false)
  expect(await store({ only_admins_send: false }, null)).toBe(true)
  expect(await store({}, [{ jid: '1@lid', role: 'admin' }])).toBe(true)
  expect(await people.as(person.id, 'select description, only_admins_send from public.groups')).toEqual([
    { description: 'vecinos', only_admins_send: false },
  ])
  expect(await people.as(person.id, 'select jid, role from public.group_participants')).toEqual([
    { jid: '1@lid', role: 'admin' },
  ])
  expect(await people.as((await people.person()).id, 'select from public.groups, public.group_participants')).toEqual(
    [],
  )
})

test('a medium’s numbers have units and bounds', async () => {
  const { id } = await newMessage()
  for (const [column, good, bad] of [
    ['media_mime_type', 'audio/ogg', 'audio/ogg; codecs=opus'],
    ['media_size_bytes', 2_147_483_648, -1],
    ['media_sha256', 'a'.repeat(64), 'A'.repeat(64)],
    ['media_duration_seconds', 1.5, -0.1],
    ['media_file_name', 'Factura.pdf', ''],
    ['media_waveform', [0, 100], [101]],
    ['media_status', 'pending', 'stored'],
  ] as const) {
    const write = (value: unknown) =>
      people.query(`update public.messages_new set ${column} = $2 where id = $1`, [id, value])
    await write(good)
    await expect(write(bad)).rejects.toMatchObject({ code: '23514' })
  }
  await expect(
    people.query('update public.messages_new set media_width = 1 where id = $1', [id]),
  ).rejects.toMatchObject({
    code: '23514',
  })
})
