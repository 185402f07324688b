import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPeople, type People, type Person } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

interface Hit extends Record<string, unknown> {
  message_id: string
  snippet: string
  highlights: [number, number][]
  created_at: Date
  ordinal: string
}

const search = (person: Person, query: string, more: Record<string, unknown> = {}): Promise<Hit[]> => {
  const given = Object.entries({ p_query: query, ...more })
  const call = given.map(([name], index) => `${name} => $${index + 1}`).join(', ')
  return people.as<Hit>(
    person.id,
    `select * from public.search_messages(${call})`,
    given.map(([, value]) => value),
  )
}

/** Which of these texts a search finds. */
async function matches(query: string, texts: string[]): Promise<string[]> {
  const person = await people.person()
  const conversation = await people.conversation(person)
  for (const text of texts) await people.message(person, conversation, { text })
  return (await search(person, query)).map(({ snippet }) => snippet).toReversed()
}

test('a word is found whatever its case and accents, on either side', async () => {
  expect(await matches('MANANA', ['mañana', 'Mañana', 'manana', 'mañas'])).toEqual(['mañana', 'Mañana', 'manana'])
  expect(await matches('cómo', ['COMO', '¿Cómo?', 'co\u0301mo'])).toEqual(['COMO', '¿Cómo?', 'cómo'])
  expect(await matches('жук', ['ЖУК', 'жуки'])).toEqual(['ЖУК', 'жуки'])
})

test('a word is found in its other Spanish and English forms', async () => {
  expect(await matches('correr rápido', ['corriendo muy rápidos', 'corrió rapido', 'corre'])).toEqual([
    'corriendo muy rápidos',
    'corrió rapido',
  ])
  expect(await matches('canciones favoritas', ['mi canción favorita', 'mis canciones favoritas'])).toHaveLength(2)
  expect(await matches('meetings yesterday', ['the meeting of yesterday', 'met yesterday'])).toEqual([
    'the meeting of yesterday',
  ])
})

test('the last word is a beginning, the others are not, and all must be there in whatever order', async () => {
  expect(await matches('fac', ['la factura', 'facultad', 'El FÁCIL', 'surfac'])).toEqual([
    'la factura',
    'facultad',
    'El FÁCIL',
  ])
  expect(await matches('fac mayo', ['mayo, factura', 'fac de mayo', 'mayonesa fac'])).toEqual([
    'fac de mayo',
    'mayonesa fac',
  ])
  expect(await matches('de la', ['la casa de ella', 'de casa'])).toEqual(['la casa de ella'])
})

test('parts of addresses, paths, numbers and hyphenated words are words', async () => {
  const texts = [
    'juan.perez@example.com',
    'https://example.com/a/Factura-2024.pdf',
    'son 12,50€',
    'e-mail',
    '-7 grados',
    '+34 600 111 222',
  ]
  for (const [query, text] of [
    ['perez', texts[0]],
    ['factura 2024', texts[1]],
    ['12,50', texts[2]],
    ['e-ma', texts[3]],
    ['7', texts[4]],
    ['600 111', texts[5]],
  ] as const)
    expect(await matches(query, texts)).toEqual([text])
})

test('what means something to a parser is a word like any other, and without words nothing is found', async () => {
  for (const query of ["' | '", ':*', '!!', '() & <->', '\\', '😀', ' ', "a' | b:*", '%', '_']) {
    const found = await matches(query, ['nada que ver 😀 %_'])
    expect([query, found]).toEqual([query, []])
  }
  const person = await people.person()
  await expect(search(person, 'x'.repeat(501))).rejects.toMatchObject({ hint: 'invalid_request' })
})

test('an edited text is found by what it says now, a deleted one by nothing', async () => {
  const person = await people.person()
  const conversation = await people.conversation(person)
  const id = await people.message(person, conversation, { text: 'naranja' })
  await people.query(`update public.messages_new set text_content = 'limón' where id = $1`, [id])
  expect(await search(person, 'naranja')).toEqual([])
  expect(await search(person, 'limon')).toHaveLength(1)
  await people.query(`update public.messages_new set text_content = null, revoked_at = now() where id = $1`, [id])
  expect(await search(person, 'limon')).toEqual([])
  const other = await people.message(person, conversation, { text: 'pera' })
  await people.query('delete from public.messages_new where id = $1', [other])
  expect(await people.query('select from private.message_search where message_id = any($1)', [[id, other]])).toEqual([])
})

test('a message that moves to another conversation is found there, and a caption by its kind', async () => {
  const person = await people.person()
  const [one, two] = [await people.conversation(person), await people.conversation(person)]
  const id = await people.message(person, one, { text: 'atardecer', type: 'image' })
  await people.query('update public.messages_new set conversation_id = $2 where id = $1', [id, two])
  expect(await search(person, 'atardecer', { p_conversation: one })).toEqual([])
  expect(await search(person, 'atardecer', { p_conversation: two, p_type: 'image' })).toMatchObject([
    { message_id: id },
  ])
  expect(await search(person, 'atardecer', { p_type: 'video' })).toEqual([])
})

test('nobody finds what another wrote, even where the first digits of their ids are the same', async () => {
  const owner = await people.person()
  const id = `${owner.id.slice(0, 6)}00-0000-4000-8000-00000000000a`
  await people.stack.createUser({ email: 'twin@example.com', password: 'password-twin', id })
  const [row] = await people.query<{ id: string }>(
    'insert into public.whatsapp_sessions (user_id) values ($1) returning id',
    [id],
  )
  const twin = { id, session: row?.id ?? '' }
  const conversation = await people.conversation(owner)
  for (let n = 0; n < 3; n++) await people.message(owner, conversation, { text: 'secreto' })
  expect(await search(twin, 'secreto')).toEqual([])
  // With more of their own than the first walk reads, the twin's search goes through the index that both share.
  await people.query(
    `insert into public.messages_new
         (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id)
       select $3, $1, $2, 'user', 'text', 'nada', false, 'received', 'w' || g from generate_series(1, 2100) g`,
    [twin.id, twin.session, await people.conversation(twin)],
  )
  expect(await search(twin, 'secreto')).toEqual([])
  expect(await search(owner, 'secreto')).toHaveLength(3)
  expect(await people.failureOf(id, `select * from public.search_messages('secreto', $1)`, [conversation])).toBe(
    'conversation_not_found',
  )
})

test('the excerpt holds the first hit of a long text, its places are what JavaScript’s slice takes', async () => {
  const person = await people.person()
  const conversation = await people.conversation(person)
  const text = `${'relleno 😀 '.repeat(300)}aquí está el Tesoro escondido, los tesoros ${'y más '.repeat(300)}`
  await people.message(person, conversation, { text })
  const [hit] = await search(person, 'tesoro')
  expect(hit?.snippet.length).toBeLessThan(330)
  expect(text).toContain(hit?.snippet)
  expect(hit?.highlights.map(([from, to]) => hit.snippet.slice(from, to))).toEqual(['Tesoro', 'tesoros'])
})

test('pages hold every hit once and nothing else, newest first, for rare and frequent words alike', async () => {
  const person = await people.person()
  const conversations = [await people.conversation(person), await people.conversation(person)]
  // A month with more hits for `frecuente` than are fetched at once and none of them lately, months with few, years with nothing.
  await people.query(
    `insert into public.messages_new
         (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
       select ($3::uuid[])[1 + g % 2], $1, $2, 'user', case when g % 10 = 0 then 'image' else 'text' end,
           concat_ws(' ', case when g % 2 = 0 and g <= 11000 then 'frecuente' end, case when g % 97 = 0 then 'medio' end,
             case when g < 40 then 'viejo' end, 'n' || g),
           false, 'received', 'w' || g, case
             when g <= 11000 then timestamptz '2025-01-01' + make_interval(secs => g / 3)
             when g <= 14000 then timestamptz '2025-01-31 22:00Z' + make_interval(hours => 2 * (g - 11000))
             else timestamptz '1969-12-31 23:59:58Z' + make_interval(months => 7 * (g - 14000)) end
         from generate_series(1, 14040) g`,
    [person.id, person.session, conversations],
  )
  const words = ['frecuente', 'medio', 'viejo', 'frecuente medio', 'n12', 'nada', 'v']
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...words),
      fc.constantFrom(undefined, ...conversations),
      fc.constantFrom(undefined, 'image', 'text'),
      fc.constantFrom(undefined, '2025-01-01T00:10:00Z'),
      fc.constantFrom(undefined, '2025-01-01T00:40:00Z', '2025-06-15T00:00:00Z'),
      fc.integer({ min: 30, max: 201 }),
      async (word, conversation, type, from, to, limit) => {
        const prefixes = word.split(' ')
        const expected = await people.query<{ id: string }>(
          `select id from public.messages_new
             where user_id = $1 and ($2::uuid is null or conversation_id = $2) and ($3::text is null or message_type = $3)
               and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
               and (select bool_and(' ' || text_content like '% ' || w || '%') from unnest($6::text[]) w)
             order by created_at desc, ordinal desc limit 500`,
          [person.id, conversation, type, from, to, prefixes],
        )
        const seen: string[] = []
        let last: Hit | undefined
        do {
          const page: Hit[] = await search(person, word, {
            p_conversation: conversation,
            p_type: type,
            p_from: from,
            p_to: to,
            p_limit: limit,
            p_before_at: last?.created_at,
            p_before_ordinal: last?.ordinal,
          })
          seen.push(...page.map(({ message_id }) => message_id))
          last = page.length === limit && seen.length < 500 ? page.at(-1) : undefined
        } while (last)
        expect(seen.slice(0, 500)).toEqual(expected.map(({ id }) => id))
      },
    ),
    { numRuns: 40 },
  )
}, 180_000)

test('what has disappeared is not found, also before it is deleted, and a page is as full as without it', async () => {
  const person = await people.person()
  const conversation = await people.conversation(person)
  const ids: string[] = []
  for (let n = 0; n < 12; n++)
    ids.push(
      await people.message(person, conversation, { text: `efímero ${n}`, at: `2025-01-2${n % 3}T10:00:${n + 10}Z` }),
    )
  await people.query(`update public.messages_new set expires_at = now() - interval '1 second' where id = any($1)`, [
    ids.filter((_, n) => n % 3 !== 1),
  ])
  const found = (await search(person, 'efímero')).map(({ snippet }) => snippet)
  expect(found).toEqual(['efímero 10', 'efímero 7', 'efímero 4', 'efímero 1'])
  expect((await search(person, 'efímero', { p_limit: 2 })).map(({ snippet }) => snippet)).toEqual(found.slice(0, 2))
  expect(await search(person, 'efímero', { p_conversation: conversation })).toHaveLength(4)
})
