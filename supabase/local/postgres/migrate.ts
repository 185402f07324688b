import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { splitStatements } from './split-statements.ts'

export interface Migration {
  version: string
  name: string
  sql: string
}

export interface MigrationOutcome {
  applied: string[]
  /** Versions whose file says something else than what was applied to this database. */
  changed: string[]
}

/** The migrations of a folder in their order; the file name is `<version>_<name>.sql`, as the Supabase CLI wants it. */
export function readMigrations(folder: string): Migration[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .toSorted()
    .flatMap((file) => {
      const [, version, name] = /^(\d+)_(.*)\.sql$/.exec(file) ?? []
      return version === undefined || name === undefined
        ? []
        : [{ version, name, sql: readFileSync(join(folder, file), 'utf8') }]
    })
}

/**
 * Applies what is not applied yet, each file in one transaction, and records it in `supabase_migrations.schema_migrations`
 * with the columns of the Supabase CLI, which can so take over the same database
 * (https://github.com/supabase/cli/blob/develop/pkg/migration/history.go). `client` is logged in as `postgres`.
 */
export async function migrate(client: pg.ClientBase, migrations: Migration[]): Promise<MigrationOutcome> {
  await client.query(`
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations (version text not null primary key, statements text[], name text);
  `)
  const { rows } = await client.query<{ version: string; statements: string[] | null }>(
    'select version, statements from supabase_migrations.schema_migrations',
  )
  const recorded = new Map(rows.map((row) => [row.version, row.statements]))
  const outcome: MigrationOutcome = { applied: [], changed: [] }
  for (const migration of migrations) {
    const before = recorded.get(migration.version)
    if (before === undefined) {
      await apply(client, migration)
      outcome.applied.push(migration.version)
    } else if (before?.join(';\n') !== splitStatements(migration.sql).join(';\n')) {
      outcome.changed.push(migration.version)
    }
  }
  return outcome
}

async function apply(client: pg.ClientBase, { version, name, sql }: Migration): Promise<void> {
  await client.query('begin')
  let current = ''
  try {
    const statements = splitStatements(sql)
    for (current of statements) await client.query(current)
    await client.query(
      'insert into supabase_migrations.schema_migrations (version, name, statements) values ($1, $2, $3)',
      [version, name, statements],
    )
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    const { message, code, where } = error as Error & { code?: string; where?: string }
    throw new Error(
      `Migration ${version}_${name} failed: ${message}${code === undefined ? '' : ` (${code})`}\n${where ?? ''}\nin: ${current.slice(0, 400)}`,
      { cause: error },
    )
  }
}
