import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../session-host/store/database.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { actAs, refused, type Actor, type Outcome } from './act-as.ts'
import { hostDatabase } from './linked-session.fixture.ts'
import {
  functions,
  type FunctionRow,
  relations,
  roles,
  type Columns,
  type RelationRow,
  type Rights,
  type Role,
} from './policy-matrix.ts'
import { readCatalogue, type Catalogue, type Relation } from './read-catalogue.ts'
import { createInhabitant, digestOf, ownedBy, type Inhabitant } from './world.fixture.ts'

let stack: ServedDatabase
let database: Database
let admin: Awaited<ReturnType<typeof connect>>
let catalogue: Catalogue
let owner: Inhabitant
let other: Inhabitant
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
  admin = await connect(stack.adminDatabaseUrl)
  catalogue = await readCatalogue(admin.client)
  owner = await createInhabitant(stack, database, { seed: 1, phone: '34600000001', email: 'ana@example.com' })
  other = await createInhabitant(stack, database, { seed: 2, phone: '34600000002', email: 'ben@example.com' })
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await admin[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const actors = ['owner', 'another user', 'anonymous', 'service_role', 'session_host'] as const
type ActorName = (typeof actors)[number]

function actorOf(name: ActorName): Actor {
  if (name === 'owner') return { role: 'authenticated', userId: owner.userId }
  if (name === 'another user') return { role: 'authenticated', userId: other.userId }
  return { role: name === 'anonymous' ? 'anon' : name }
}

test('every table, view and function has its row in the policy matrix, and no row is about something that is gone', () => {
  const found = [
    ...catalogue.relations.map(({ name }) => name),
    ...catalogue.routines.map(({ signature }) => signature),
  ]
  const rows = new Set([...Object.keys(relations), ...Object.keys(functions)])
  const missing = found
    .filter((name) => !rows.has(name))
    .map((name) => `${name} has no row in supabase/tests/policy-matrix.ts: say there who may do what with it.`)
  const gone = [...rows]
    .filter((name) => !found.includes(name))
    .map((name) => `${name} has a row in supabase/tests/policy-matrix.ts and is not in the database: remove the row.`)
  expect([...missing, ...gone]).toEqual([])
  const uncalled = catalogue.routines
    .filter(({ schema, isTrigger, signature }) => schema === 'public' && !isTrigger && !functions[signature]?.call)
    .map(({ signature }) => `${signature} is exposed: its row needs a call that names somebody's objects.`)
  expect(uncalled).toEqual([])
})

test('every table holds rows of the users that the tests are made with', async () => {
  const empty: string[] = []
  for (const relation of catalogue.relations) {
    const owned = ownedBy(relation.columns)
    if (!owned) empty.push(`${relation.name} has neither user_id nor session_id: nobody can tell whose rows are whose.`)
    else if ((await countOf(relation, owned)) === 0)
      empty.push(`${relation.name} holds nothing of the owner: supabase/tests/world.fixture.ts should fill it.`)
  }
  expect(empty).toEqual([])
})

test('the roles are granted what the matrix says, column by column, and nothing else', async () => {
  const granted: Record<string, Record<string, unknown>> = {}
  const expected: Record<string, Record<string, unknown>> = {}
  for (const relation of catalogue.relations) {
    const { rows } = await admin.client.query<{ role: Role; verb: string; columns: string[] | null }>(
      `select role, verb, case
           when verb in ('DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN')
             then case when has_table_privilege(role, $1, verb) then '{*}'::text[] end
           else (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
             where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped
               and has_column_privilege(role, $1, a.attnum, verb)) end as columns
         from unnest($2::text[]) role,
           unnest('{SELECT,INSERT,UPDATE,REFERENCES,DELETE,TRUNCATE,TRIGGER,MAINTAIN}'::text[]) verb`,
      [relation.name, roles],
    )
    granted[relation.name] = Object.fromEntries(
      rows.filter(({ columns }) => columns).map(({ role, verb, columns }) => [`${role} ${verb}`, columns]),
    )
    expected[relation.name] = expectedGrants(relation)
  }
  expect(granted).toEqual(expected)
})

test('functions are executable by the roles that the matrix names, and by nobody else', async () => {
  const { rows } = await admin.client.query<{ signature: string; roles: string[] }>(
    `select signature, coalesce(array_agg(role order by role) filter (where has_function_privilege(role, signature, 'EXECUTE')), '{}') as roles
       from unnest($1::text[]) signature, unnest($2::text[]) role group by signature`,
    [catalogue.routines.map(({ signature }) => signature), roles],
  )
  const expected = catalogue.routines.map(({ signature }) => [
    signature,
    [...(functions[signature]?.execute ?? [])].toSorted(),
  ])
  expect(Object.fromEntries(rows.map((row) => [row.signature, row.roles]))).toEqual(Object.fromEntries(expected))
})

describe.for(Object.keys(relations))('%s', (name) => {
  test.for(actors)('%s reads, inserts, updates and deletes what the matrix says', async (actorName) => {
    const relation = catalogue.relations.find((candidate) => candidate.name === name)
    const owned = relation && ownedBy(relation.columns)
    if (!relation || !owned) throw new Error(`${name} is not in the database`)
    const actor = actorOf(actorName)
    const rights = actor.role === 'anon' ? undefined : relations[name]?.[actor.role]
    const reaches = actorName === 'another user' ? 0 : await countOf(relation, owned)
    const run = (text: string, values: unknown[] = [owner.userId]): Promise<Outcome> =>
      actAs(admin.client, actor, text, values)
    const verdicts: Record<string, unknown> = {}
    const expected: Record<string, unknown> = {}

    const columns = columnList(rights?.select, relation)
    const all = columns.length > 0 ? columns.map((column) => `"${column}"`).join(', ') : '*'
    verdicts['select'] = verdict(await run(`select ${all} from ${name} where ${owned}`))
    expected['select'] = rights?.select ? reaches : refused
    if (actor.role === 'authenticated' && rights?.select) {
      verdicts['select of others'] = verdict(
        await run(`select ${all} from ${name} where not (${owned})`, [actor.userId]),
      )
      expected['select of others'] = 0
    }
    if (relation.kind === 'table') {
      const [sample] = (
        await admin.client.query(`select to_jsonb(t) as row from ${name} t where ${owned} limit 1`, [owner.userId])
      ).rows as { row: object }[]
      for (const column of relation.columns.filter(({ writable }) => writable)) {
        verdicts[`update ${column.name}`] = verdict(
          await run(`update ${name} set "${column.name}" = "${column.name}" where ${owned}`),
        )
        expected[`update ${column.name}`] = includes(rights?.update, column.name) ? reaches : refused
        if (includes(rights?.insert, column.name)) continue
        verdicts[`insert ${column.name}`] = verdict(
          await run(
            `insert into ${name} ("${column.name}") select "${column.name}" from jsonb_populate_record(null::${name}, $1)`,
            [sample?.row],
          ),
        )
        expected[`insert ${column.name}`] = refused
      }
      if (rights?.insert) {
        const into = columnList(rights.insert, relation, true)
          .map((column) => `"${column}"`)
          .join(', ')
        const outcome = await run(
          `insert into ${name} (${into}) select ${into} from jsonb_populate_record(null::${name}, $1)`,
          [sample?.row],
        )
        // A copy may collide with the row that it is a copy of: constraints are looked at after policies.
        verdicts['insert'] = !outcome.ok && outcome.code.startsWith('23') ? 1 : verdict(outcome)
        expected['insert'] = actorName === 'another user' ? refused : 1
      }
      verdicts['delete'] = verdict(await run(`delete from ${name} where ${owned}`))
      expected['delete'] = rights?.delete ? reaches : refused
    }
    expect(verdicts).toEqual(expected)
  })
})

describe.for(Object.keys(functions).filter((signature) => functions[signature]?.call))('%s', (signature) => {
  test.for(actors)('called by %s about the owner’s objects does for the owner alone', async (actorName) => {
    const row = functions[signature]
    const routine = catalogue.routines.find((candidate) => candidate.signature === signature)
    if (!row?.call || !routine) throw new Error(`${signature} is not in the database`)
    const actor = actorOf(actorName)
    const given = Object.entries(row.call(owner))
    const typeOf = (name: string): string =>
      routine.arguments.find((argument) => argument.name === name)?.type ?? 'text'
    const text = `select to_jsonb(r) as answer from ${routine.schema}.${routine.name}(${given
      .map(([name], n) => `${name} => $${n + 1}::${typeOf(name)}`)
      .join(', ')}) r`
    const before = await digestOf(admin.client, catalogue.relations, owner.userId)
    let after = before
    const outcome = await actAs(
      admin.client,
      actor,
      text,
      given.map(([, value]) => (typeof value === 'object' ? JSON.stringify(value) : value)),
      async () => {
        after = await digestOf(admin.client, catalogue.relations, owner.userId)
      },
    )
    const isOwner =
      actorName === 'owner' || (row.administers === true && row.execute.some((role) => role === actor.role))
    expect({
      answer: outcome.ok ? 'an answer' : (outcome.hint ?? outcome.code),
      told:
        isOwner || !outcome.ok ? [] : thingsOf(owner).filter((thing) => JSON.stringify(outcome.rows).includes(thing)),
      changed: isOwner ? [] : Object.keys(after).filter((name) => after[name] !== before[name]),
    }).toEqual({ answer: expectedAnswer(row, actorName, actor.role), told: [], changed: [] })
  })
})

function expectedAnswer(row: FunctionRow, actorName: ActorName, role: Role): string {
  if (role === 'anon' || !row.execute.includes(role)) return refused
  return (actorName === 'another user' ? row.stranger : row.owner) ?? 'an answer'
}

/** What an answer to somebody else must not contain. */
function thingsOf(inhabitant: Inhabitant): string[] {
  const { userId, sessionId, conversationId, messageId, contactId, groupId, personalityId, secrets } = inhabitant
  return [userId, sessionId, conversationId, messageId, contactId, groupId, personalityId, ...secrets]
}

async function countOf(relation: Relation, owned: string): Promise<number> {
  const { rows } = await admin.client.query<{ count: number }>(
    `select count(*)::int as count from ${relation.name} where ${owned}`,
    [owner.userId],
  )
  return rows[0]?.count ?? 0
}

/** Rows that a statement reached, or the SQLSTATE of its refusal. */
function verdict(outcome: Outcome): number | string {
  return outcome.ok ? outcome.count : outcome.code
}

function includes(columns: Columns | undefined, column: string): boolean {
  return columns === 'every column' || (columns?.includes(column) ?? false)
}

function columnList(columns: Columns | undefined, relation: Relation, writable = false): string[] {
  return relation.columns
    .filter((column) => includes(columns, column.name) && (!writable || column.writable))
    .map((column) => column.name)
}

function expectedGrants(relation: Relation): Record<string, string[]> {
  const grants: Record<string, string[]> = {}
  const row: RelationRow = relations[relation.name] ?? {}
  for (const [role, rights] of Object.entries(row) as [Role, Rights][]) {
    for (const verb of ['select', 'insert', 'update'] as const) {
      const columns = columnList(rights[verb], relation)
      if (columns.length > 0) grants[`${role} ${verb.toUpperCase()}`] = columns
    }
    if (rights.delete) grants[`${role} DELETE`] = ['*']
  }
  return grants
}
