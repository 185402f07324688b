import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../local/postgres/bootstrap-database.ts'
import { startPeople, type People, type Person } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

const call = async (person: Person, text: string, values: unknown[] = []) =>
  (await people.as<{ it: Record<string, unknown> }>(person.id, `select public.${text} as it`, values))[0]?.it
const commandsOf = (person: Person) =>
  people.query(
    'select kind, status, attempts, error_code from private.session_commands where user_id = $1 order by id',
    [person.id],
  )

test('a repeated key answers the first result of its command and does nothing twice', async () => {
  const person = await people.person()
  const started = await call(person, `start_conversation('34611000111@s.whatsapp.net', 'a')`)
  expect(started).toEqual({ command_id: expect.any(Number) })
  await people.query(`update private.session_commands set status = 'done' where id = $1`, [started?.['command_id']])
  expect(await call(person, `start_conversation('34611000111@s.whatsapp.net', 'a')`)).toEqual({
    ...started,
    replayed: true,
  })

  const linked = await call(person, `request_link('b')`)
  await people.query(`update public.whatsapp_sessions set status = 'logged_out' where id = $1`, [person.session])
  expect(await call(person, `request_link('b')`)).toEqual({ ...linked, replayed: true })
  expect(await people.query('select status from public.whatsapp_sessions where id = $1', [person.session])).toEqual([
    { status: 'logged_out' },
  ])

  await people.query(`update public.whatsapp_sessions set status = 'connected' where id = $1`, [person.session])
  const ended = await call(person, `logout('c')`)
  await people.query(`update private.session_commands set status = 'done' where user_id = $1`, [person.id])
  expect(await call(person, `logout('c')`)).toEqual({ ...ended, replayed: true })
  expect(await commandsOf(person)).toMatchObject([{ kind: 'start_conversation' }, { kind: 'logout' }])
})

test('a key belongs to one request, of one command, of one user', async () => {
  const [person, other] = [await people.person(), await people.person()]
  await call(person, `start_conversation('34611000111@s.whatsapp.net', 'k')`)
  for (const request of [
    `start_conversation('34611000112@s.whatsapp.net', 'k')`,
    `request_link('k')`,
    `logout('k')`,
    `mark_read('${await people.conversation(person)}', 'k')`,
    `submit_message('${await people.conversation(person)}', 'hola', 'k')`,
  ])
    expect(await people.failureOf(person.id, `select public.${request}`)).toBe('idempotency_conflict')
  expect(await call(other, `start_conversation('34611000112@s.whatsapp.net', 'k')`)).toEqual({
    command_id: expect.any(Number),
  })
  for (const key of ['', 'x'.repeat(256)])
    expect(await people.failureOf(person.id, 'select public.logout($1)', [key])).toBe('invalid_request')
})

test('a request that failed leaves its key unused', async () => {
  const person = await people.person()
  await people.query('update public.whatsapp_sessions set linked_at = null where id = $1', [person.session])
  const request = `start_conversation('34611000111@s.whatsapp.net', 'k')`
  expect(await people.failureOf(person.id, `select public.${request}`)).toBe('session_not_linked')
  await people.query('update public.whatsapp_sessions set linked_at = now() where id = $1', [person.session])
  expect(await call(person, request)).toEqual({ command_id: expect.any(Number) })
})

test('one key used by many connections at once does its work once', async () => {
  const person = await people.person()
  const results = await Promise.all(
    Array.from({ length: 8 }, async () => {
      await using connection = await connect(people.stack.adminDatabaseUrl)
      await connection.client.query(`select set_config('request.jwt.claims', $1, false)`, [
        JSON.stringify({ sub: person.id }),
      ])
      await connection.client.query('set role authenticated')
      const { rows } = await connection.client.query<{ it: { command_id: number } }>(
        `select public.start_conversation('34611000111@s.whatsapp.net', 'k') as it`,
      )
      return rows[0]?.it.command_id
    }),
  )
  expect(new Set(results).size).toBe(1)
  expect(await commandsOf(person)).toHaveLength(1)
})

test('a look-up that is under way is not asked for again, also without a key', async () => {
  const person = await people.person()
  const first = await call(person, `start_conversation('34611000111@s.whatsapp.net')`)
  expect(await call(person, `start_conversation('34611000111@s.whatsapp.net')`)).toEqual(first)
})

test('every command answers to what is another’s as to what does not exist', async () => {
  const [owner, other] = [await people.person(), await people.person()]
  const conversation = await people.conversation(owner)
  const message = await people.message(owner, conversation, { text: 'hola' })
  const [command] = await people.query<{ id: string }>(
    `insert into private.session_commands (session_id, user_id, kind, lane) values ($1, $2, 'logout', 'session') returning id`,
    [owner.session, owner.id],
  )
  const failures = async (reference: string, reply: string, id: string) => [
    await people.failureOf(other.id, 'select public.mark_read($1)', [reference]),
    await people.failureOf(other.id, `select public.submit_message($1, 'hola')`, [reference]),
    await people.failureOf(other.id, `select public.submit_message($1, 'hola', p_reply_to => $2)`, [
      await people.conversation(other),
      reply,
    ]),
    await people.failureOf(other.id, 'select public.command_result($1)', [id]),
    await people.failureOf(other.id, 'select public.get_conversation($1)', [reference]),
    await people.failureOf(other.id, 'select public.list_messages($1)', [reference]),
  ]
  const theirs = await failures(conversation, message, command?.id ?? '')
  expect(theirs).toEqual(await failures(randomUUID(), randomUUID(), '999999999'))
  expect(theirs).not.toContain(undefined)
})

test('a command that its hosts never finish is dead in the end, its message failed and the next one free', async () => {
  const person = await people.person()
  const conversation = await people.conversation(person)
  const [poison, next] = [
    await call(person, 'submit_message($1, $2)', [conversation, 'uno']),
    await call(person, 'submit_message($1, $2)', [conversation, 'dos']),
  ]
  const claimed: unknown[] = []
  // Each host claims it and dies: the next epoch claims it again.
  for (let epoch = 1; epoch <= 21; epoch++)
    claimed.push(
      ...(
        await people.host.query<{ message_id: string }>('select message_id from private.claim_commands($1, $2, 16)', [
          person.session,
          epoch,
        ])
      ).rows.map((row) => row.message_id),
    )
  const idOf = (answer: Record<string, unknown> | undefined) => (answer?.['message'] as { id: string } | undefined)?.id
  expect(claimed).toEqual([...Array.from({ length: 20 }, () => idOf(poison)), idOf(next)])
  expect(await commandsOf(person)).toEqual([
    { kind: 'send_message', status: 'dead', attempts: 20, error_code: 'send_timeout' },
    { kind: 'send_message', status: 'claimed', attempts: 1, error_code: null },
  ])
  expect(
    await people.query('select status, error_code from public.messages_new where id = $1', [idOf(poison)]),
  ).toEqual([{ status: 'failed', error_code: 'send_timeout' }])
  const events = await people.as(person.id, 'select type, data from public.list_events()')
  expect(events.at(-1)).toMatchObject({ type: 'message.status', data: { message_id: idOf(poison), status: 'failed' } })
})
