import { join } from 'node:path'
import { inject, expect, test, vi } from 'vitest'
import { connect, bootstrapDatabase } from '../local/postgres/bootstrap-database.ts'
import { databaseUrl } from '../local/postgres/create-postgres-server.ts'
import { migrate, readMigrations } from '../local/postgres/migrate.ts'
import type { SharedServer } from '../local/create-test-stack.ts'
import { createDatabaseTemplate, cloneDatabase } from '../local/create-test-stack.ts'
import { readCatalogue } from './read-catalogue.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 300_000 })

const migrations = readMigrations(join(import.meta.dirname, '..', 'migrations'))

/** A database as a new project has it, without a migration of ours. */
async function emptyDatabase(): Promise<AsyncDisposable & { url: string }> {
  const shared: SharedServer = inject('embeddedPostgres')
  const template = await createDatabaseTemplate(shared, false)
  const clone = await cloneDatabase(template)
  await bootstrapDatabase(shared.port, shared.secrets, clone.database)
  return {
    url: databaseUrl(shared.port, shared.secrets, 'postgres', clone.database),
    [Symbol.asyncDispose]: () => clone[Symbol.asyncDispose](),
  }
}

test('migrations apply to an empty database, and a second time change nothing', async () => {
  await using database = await emptyDatabase()
  await using owner = await connect(database.url)
  expect(await migrate(owner.client, migrations)).toEqual({
    applied: migrations.map(({ version }) => version),
    changed: [],
  })
  const before = await readCatalogue(owner.client)
  expect(await migrate(owner.client, migrations)).toEqual({ applied: [], changed: [] })
  expect(await readCatalogue(owner.client)).toEqual(before)
  expect(before.relations.length).toBeGreaterThan(10)
})

test('migrations apply to a database that stopped at an earlier one, with users in it, and end the same', async () => {
  await using reference = await emptyDatabase()
  await using complete = await connect(reference.url)
  await migrate(complete.client, migrations)
  const wanted = await readCatalogue(complete.client)

  // The first release, and the last few.
  for (const count of [10, migrations.length - 3, migrations.length - 2, migrations.length - 1]) {
    await using database = await emptyDatabase()
    await using owner = await connect(database.url)
    await migrate(owner.client, migrations.slice(0, count))
    await owner.client.query(rows)
    expect((await migrate(owner.client, migrations)).applied).toEqual(
      migrations.slice(count).map(({ version }) => version),
    )
    expect(await readCatalogue(owner.client)).toEqual(wanted)
    const { rows: left } = await owner.client.query(
      `select (select count(*)::int from public.messages_new) as messages, (select text_content from public.messages_new limit 1) as text`,
    )
    expect(left).toEqual([{ messages: 1, text: 'canción' }])
  }
})

test('files are in order, named for what they do, and begin with why', () => {
  const problems = migrations.flatMap(({ version, name, sql }) => [
    ...(/^\d{14}$/.test(version) ? [] : [`${version}: fourteen digits`]),
    ...(/^[a-z0-9_]+$/.test(name) ? [] : [`${name}: lower case and underscores`]),
    ...(sql.startsWith('-- ') ? [] : [`${version}_${name} does not begin with a comment`]),
  ])
  expect(problems).toEqual([])
})

/** A user with a conversation, as the first version of the tables takes them. */
const rows = `
  with u as (insert into auth.users (id, email) values (gen_random_uuid(), 'ana@example.com') returning id),
  s as (insert into public.whatsapp_sessions (user_id, phone, linked_at) select id, '34600000001', now() from u returning id, user_id),
  p as (insert into public.contacts (user_id, session_id, phone) select user_id, id, '34600000002' from s returning id, session_id, user_id),
  c as (insert into public.conversations_new (user_id, session_id, contact_id, external_id)
    select user_id, session_id, id, '34600000002@s.whatsapp.net' from p returning id, user_id, session_id)
  insert into public.messages_new (conversation_id, user_id, session_id, sender_type, message_type, text_content, wa_id, from_me, status)
    select id, user_id, session_id, 'user', 'text', 'canción', 'A', false, 'received' from c`
