import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../local/postgres/bootstrap-database.ts'
import { startPeople, type People, type Person } from './people.fixture.ts'

let people: People
beforeAll(async () => {
  people = await startPeople()
})
afterAll(() => people[Symbol.asyncDispose]())

const append = (person: Person, count: number) =>
  people.host.query(
    `select private.append_events($1, $2, (
       select jsonb_agg('{"type": "history.imported", "data": {}}'::jsonb) from generate_series(1, $3)))`,
    [person.session, person.id, count],
  )
const age = (person: Person, upTo: number) =>
  people.query(`update public.session_events set at = now() - interval '40 days' where session_id = $1 and seq <= $2`, [
    person.session,
    upTo,
  ])
const after = async (person: Person, cursor: number) =>
  (await people.as<{ seq: string }>(person.id, 'select seq from public.list_events(p_after => $1)', [cursor])).map(
    ({ seq }) => Number(seq),
  )
const trim = async (...settings: [keep: number, limit?: number]) =>
  (
    await people.host.query<{ n: string }>(`select private.trim_events('30 days', $1, $2) as n`, [
      settings[0],
      settings[1] ?? 5000,
    ])
  ).rows.map(({ n }) => Number(n))[0]

test('events are read from any cursor that is kept, and an older or future one is told to resync', async () => {
  const person = await people.person()
  await append(person, 5)
  expect(await after(person, 0)).toEqual([1, 2, 3, 4, 5])
  expect(await after(person, 5)).toEqual([])
  expect(await people.failureOf(person.id, 'select public.list_events(p_after => 6)')).toBe('resync_required')
  await age(person, 3)
  expect(await trim(100_000)).toBe(3)
  expect(await after(person, 3)).toEqual([4, 5])
  for (const cursor of [0, 2])
    expect(await people.failureOf(person.id, 'select public.list_events(p_after => $1)', [cursor])).toBe(
      'resync_required',
    )
  expect(await people.as(person.id, 'select * from public.event_cursor()')).toEqual([
    { session_id: person.session, first_seq: '4', last_seq: '5' },
  ])
})

test('no more events are kept than wanted, and a log that is trimmed away whole goes on where it was', async () => {
  const person = await people.person()
  await append(person, 10)
  expect(await trim(4, 3)).toBe(3)
  expect(await trim(4)).toBe(3)
  expect(await trim(4)).toBe(0)
  expect(await after(person, 6)).toEqual([7, 8, 9, 10])
  await age(person, 10)
  expect(await trim(4)).toBe(4)
  expect(await after(person, 10)).toEqual([])
  await append(person, 1)
  expect(await after(person, 10)).toEqual([11])
})

test('an event that is too old stays while a younger one stands before it', async () => {
  const person = await people.person()
  await append(person, 3)
  await people.query(
    `update public.session_events set at = now() - interval '40 days' where session_id = $1 and seq = 2`,
    [person.session],
  )
  expect(await trim(100)).toBe(0)
  expect(await after(person, 0)).toEqual([1, 2, 3])
})

test('a stream that is being written to is left for the next time', async () => {
  const person = await people.person()
  await append(person, 3)
  await age(person, 3)
  await using writer = await connect(people.stack.databaseUrl)
  await writer.client.query('begin')
  await writer.client.query(`select private.append_events($1, $2, '[{"type": "history.imported", "data": {}}]')`, [
    person.session,
    person.id,
  ])
  expect(await trim(100)).toBe(0)
  await writer.client.query('commit')
  expect(await trim(100)).toBe(3)
  expect(await after(person, 3)).toEqual([4])
})

/** Reads to the end or until told to resync, `page` events at a time, with a chunk of the log trimmed after every page. */
async function readWhileTrimmed(person: Person, page: number): Promise<{ seen: number[]; outcome: string }> {
  const seen: number[] = []
  for (;;) {
    const answer = await people
      .as<{ seq: string }>(person.id, 'select seq from public.list_events(p_after => $1, p_limit => $2)', [
        seen.length,
        page,
      ])
      .catch((error: { hint?: string }) => error.hint ?? 'failed')
    if (typeof answer === 'string') return { seen, outcome: answer }
    if (answer.length === 0) return { seen, outcome: 'end' }
    seen.push(...answer.map(({ seq }) => Number(seq)))
    await trim(100_000, 50)
  }
}

test('a reader whom trimming overtakes has seen all up to a place and is told to resync there; a faster one sees all', async () => {
  const old = async (): Promise<Person> => {
    const person = await people.person()
    await append(person, 1000)
    await age(person, 1000)
    return person
  }
  expect(await readWhileTrimmed(await old(), 20)).toEqual({
    seen: Array.from({ length: 20 }, (_, n) => n + 1),
    outcome: 'resync_required',
  })
  while ((await trim(100_000)) !== 0);
  expect(await readWhileTrimmed(await old(), 60)).toEqual({
    seen: Array.from({ length: 1000 }, (_, n) => n + 1),
    outcome: 'end',
  })
})

test('whoever reads in the moment in which the log is trimmed gets what follows their cursor, or is told to resync', async () => {
  const person = await people.person()
  await append(person, 2000)
  await age(person, 2000)
  for (let cursor = 0; cursor < 2000; cursor += 50) {
    const [answer] = await Promise.all([
      after(person, cursor).catch((error: { hint?: string }) => error.hint ?? 'failed'),
      trim(100_000, 50),
    ])
    const following = Array.from({ length: Math.min(200, 2000 - cursor) }, (_, n) => cursor + n + 1)
    expect([following, 'resync_required']).toContainEqual(answer)
  }
})

test('nobody reads another’s log, and an unknown session is the same as another’s', async () => {
  const [owner, other] = [await people.person(), await people.person()]
  await append(owner, 2)
  for (const session of [owner.session, '00000000-0000-4000-8000-000000000000'])
    for (const call of ['list_events($1)', 'event_cursor($1)'])
      expect(await people.failureOf(other.id, `select public.${call}`, [session])).toBe('not_found')
  expect(await after(other, 0)).toEqual([])
})

test('retention takes finished commands, old keys and hashes of projected messages, and nothing that is in use', async () => {
  const person = await people.person()
  await people.query(
    `insert into private.session_commands (session_id, user_id, kind, lane, status, finished_at)
       values ($1, $2, 'logout', 'old', 'done', now() - interval '8 days'), ($1, $2, 'logout', 'new', 'done', now()),
         ($1, $2, 'logout', 'open', 'queued', null)`,
    [person.session, person.id],
  )
  await people.query(
    `insert into private.idempotency_keys (user_id, key, fingerprint, result, created_at)
       values ($1, 'old', 'x', '{}', now() - interval '25 hours'), ($1, 'new', 'x', '{}', now())`,
    [person.id],
  )
  await people.query(
    `insert into private.inbox (session_id, id, stanza_key, ciphertext, received_at, projected_at)
       values ($1, 'old', 'x', null, now(), now() - interval '8 days'), ($1, 'new', 'x', null, now(), now()),
         ($1, 'waiting', 'x', '\\x00', now() - interval '90 days', null)`,
    [person.session],
  )
  const { rows } = await people.host.query('select * from private.trim(1)')
  expect(rows).toMatchObject([{ commands: '1', idempotency_keys: '1', inbox: '1', more: true }])
  expect((await people.host.query('select * from private.trim()')).rows).toMatchObject([
    { events: '0', commands: '0', idempotency_keys: '0', inbox: '0', sockets: '0', more: false },
  ])
  const left = async (sql: string, value: string) => (await people.query(sql, [value])).map((row) => row['it'])
  expect(
    await left('select lane as it from private.session_commands where user_id = $1 order by 1', person.id),
  ).toEqual(['new', 'open'])
  expect(await left('select key as it from private.idempotency_keys where user_id = $1', person.id)).toEqual(['new'])
  expect(await left('select id as it from private.inbox where session_id = $1 order by 1', person.session)).toEqual([
    'new',
    'waiting',
  ])
})
