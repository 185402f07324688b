import { expect, test } from 'vitest'
import { createDatabase } from '../../../session-host/store/database.ts'
import { trimOldRows } from '../../../session-host/store/retention.ts'
import { startPeople } from './people.fixture.ts'

test('the host trims everything that is too old, in as many rounds as it takes, and then nothing', async () => {
  await using people = await startPeople()
  await using database = createDatabase({
    url: people.stack.databaseUrl,
    maxConnections: 1,
    onError: (error) => {
      throw error
    },
  })
  const persons = [await people.person(), await people.person()]
  for (const { id, session } of persons) {
    await people.query(
      `select private.append_events($1, $2, (
         select jsonb_agg('{"type": "history.imported", "data": {}}'::jsonb) from generate_series(1, 6000)))`,
      [session, id],
    )
    await people.query(
      `update public.session_events set at = now() - interval '31 days' where session_id = $1 and seq <= 5500`,
      [session],
    )
  }
  expect(await trimOldRows(database)).toEqual({
    events: 11_000,
    commands: 0,
    idempotency_keys: 0,
    inbox: 0,
    sockets: 0,
  })
  expect(await trimOldRows(database)).toMatchObject({ events: 0 })
  expect(await people.query('select first_seq, last_seq from private.session_streams')).toEqual(
    persons.map(() => ({ first_seq: '5501', last_seq: '6000' })),
  )
})
