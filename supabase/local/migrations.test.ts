import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestStack } from './create-test-stack.ts'
import { connect } from './postgres/bootstrap-database.ts'
import { migrate, readMigrations } from './postgres/migrate.ts'
import type { ServedDatabase } from './serve-database.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
let stack: ServedDatabase
let workdir: string
beforeAll(async () => {
  stack = await createTestStack()
  workdir = mkdtempSync(join(tmpdir(), 'migrations-'))
  mkdirSync(join(workdir, 'supabase/migrations'), { recursive: true })
  writeFileSync(join(workdir, 'supabase/config.toml'), 'project_id = "x"\n')
})
afterAll(async () => {
  rmSync(workdir, { recursive: true, force: true })
  await stack[Symbol.asyncDispose]()
})

/** Runs the Supabase CLI of node_modules (an optional dependency, there is none for every platform) against the stack's database. */
async function cli(directory: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(
    join(root, `node_modules/@supabase/cli-${process.platform}-${process.arch}/bin/supabase`),
    [...args, `--remote=${stack.adminDatabaseUrl}?sslmode=disable`, '--workdir', directory],
    { env: { ...process.env, HOME: workdir, SUPABASE_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', CI: '1' } },
  )
  return stdout + stderr
}

test('the Supabase CLI sees every migration as applied, and has nothing to push', async () => {
  const versions = readMigrations(join(root, 'supabase/migrations')).map((migration) => migration.version)
  const listed = await cli(root, 'migration', 'list')
  for (const version of versions) expect(listed).toMatch(new RegExp(`\`?${version}\`?\\s*\\|\\s*\`?${version}`))
  expect(await cli(root, 'db', 'push', '--dry-run')).toContain('up to date')
})

test('the advisors find nothing to warn about', async () => {
  expect(await cli(root, 'db', 'advisors', '--fail-on', 'warn')).toContain('No issues found')
})

test('what the CLI applied counts as applied and unchanged here, and the other way round', async () => {
  const tricky = `-- why; first\ncreate table public.taken_over (t text default 'a;b');\n\n/* note; */ create function public.f() returns int language plpgsql as $f$\nbegin\n  return 1; -- one;\nend\n$f$;\n`
  const here = join(workdir, 'supabase/migrations')
  const own = readMigrations(join(root, 'supabase/migrations'))
  for (const { version, name, sql } of own) writeFileSync(join(here, `${version}_${name}.sql`), sql)
  writeFileSync(join(here, '20990101000000_by_cli.sql'), tricky)
  await cli(workdir, 'db', 'push', '--yes')

  await using owner = await connect(stack.adminDatabaseUrl)
  expect(await migrate(owner.client, readMigrations(here))).toEqual({ applied: [], changed: [] })
  const { rows } = await owner.client.query(
    'select statements, name from supabase_migrations.schema_migrations where version = $1',
    ['20990101000000'],
  )

  writeFileSync(
    join(here, '20990101000001_by_us.sql'),
    tricky.replaceAll('taken_over', 'taken_over_2').replace('function public.f', 'function public.g'),
  )
  expect(await migrate(owner.client, readMigrations(here))).toEqual({ applied: ['20990101000001'], changed: [] })
  expect(await cli(workdir, 'db', 'push', '--dry-run')).toContain('up to date')
  const { rows: ours } = await owner.client.query(
    'select statements, name from supabase_migrations.schema_migrations where version = $1',
    ['20990101000001'],
  )
  expect(ours[0].statements.join('\n').replaceAll('taken_over_2', 'taken_over').replace('public.g', 'public.f')).toBe(
    rows[0].statements.join('\n'),
  )
})

test('a migration that fails leaves nothing behind and says which statement it was', async () => {
  await using owner = await connect(stack.adminDatabaseUrl)
  const failing = {
    version: '20990101000002',
    name: 'broken',
    sql: 'create table public.half (id int); select no_such_function()',
  }
  await expect(migrate(owner.client, [failing])).rejects.toThrow(
    /Migration 20990101000002_broken failed: .*no_such_function.*\(42883\)[\s\S]*in: select no_such_function/,
  )
  expect((await owner.client.query(`select to_regclass('public.half') as it`)).rows).toEqual([{ it: null }])
})

test('a migration changed after it was applied is reported', async () => {
  await using owner = await connect(stack.adminDatabaseUrl)
  const [first] = readMigrations(join(root, 'supabase/migrations'))
  if (!first) throw new Error('there are no migrations')
  const outcome = await migrate(owner.client, [{ ...first, sql: `${first.sql}; select 1` }])
  expect(outcome).toEqual({ applied: [], changed: [first.version] })
})

test('the database’s owner is no superuser, and the client roles are granted nothing by the bootstrap', async () => {
  await using owner = await connect(stack.adminDatabaseUrl)
  const { rows } = await owner.client.query(
    'select rolsuper, rolcreaterole, rolbypassrls from pg_roles where rolname = current_user',
  )
  expect(rows).toEqual([{ rolsuper: false, rolcreaterole: true, rolbypassrls: true }])
  await owner.client.query('create table public.new_table (id int)')
  const { rows: grants } = await owner.client.query(
    `select grantee from information_schema.role_table_grants where table_name = 'new_table' and grantee <> 'postgres'`,
  )
  expect(grants).toEqual([])
})

test('the host logs in as its own role', async () => {
  await using host = await connect(stack.databaseUrl)
  const { rows } = await host.client.query(
    'select current_user as user, rolbypassrls from pg_roles where rolname = current_user',
  )
  expect(rows).toEqual([{ user: 'session_host', rolbypassrls: false }])
})
