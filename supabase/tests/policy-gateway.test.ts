import { randomUUID } from 'node:crypto'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Database } from '../../session-host/store/database.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { hostDatabase } from './linked-session.fixture.ts'
import { functions, relations, type Columns, type GrantedRole } from './policy-matrix.ts'
import { readCatalogue, type Catalogue } from './read-catalogue.ts'
import { createInhabitant, digestOf, ownedBy, type Inhabitant } from './world.fixture.ts'

let stack: ServedDatabase
let database: Database
let admin: Awaited<ReturnType<typeof connect>>
let catalogue: Catalogue
let owner: Inhabitant
let tokens: Record<Actor, string | undefined>
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
  admin = await connect(stack.adminDatabaseUrl)
  catalogue = await readCatalogue(admin.client)
  owner = await createInhabitant(stack, database, { seed: 1, phone: '34600000001', email: 'ana@example.com' })
  const other = await createInhabitant(stack, database, { seed: 2, phone: '34600000002', email: 'ben@example.com' })
  const token = (sub: string): Promise<string> => stack.mintToken({ sub, role: 'authenticated' })
  tokens = {
    owner: await token(owner.userId),
    'another user': await token(other.userId),
    anonymous: undefined,
    service_role: undefined,
    // Nobody may become the host by a token, even one with the issuer's signature.
    'a token of session_host': await stack.mintToken({ sub: owner.userId, role: 'session_host' }),
  }
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await admin[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

const actors = ['owner', 'another user', 'anonymous', 'service_role', 'a token of session_host'] as const
type Actor = (typeof actors)[number]

const grantedRoles: Record<Actor, GrantedRole | null> = {
  owner: 'authenticated',
  'another user': 'authenticated',
  anonymous: null,
  service_role: 'service_role',
  'a token of session_host': null,
}

function clientOf(actor: Actor): SupabaseClient {
  const token = tokens[actor]
  return createClient(stack.url, actor === 'service_role' ? stack.secretKey : stack.publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
    ...(token === undefined ? {} : { accessToken: async () => token }),
  })
}

const exposed = Object.keys(relations).filter((name) => name.startsWith('public.'))

describe.for(exposed)('%s through the gateway', (name) => {
  test.for(actors)('answers %s as the matrix says', async (actor) => {
    const relation = catalogue.relations.find((candidate) => candidate.name === name)
    const owned = relation && ownedBy(relation.columns)
    if (!relation || !owned) throw new Error(`${name} is not in the database`)
    const key = owned.startsWith('user_id') ? 'user_id' : 'session_id'
    const id = key === 'user_id' ? owner.userId : owner.sessionId
    const role = grantedRoles[actor]
    const rights = role === null ? undefined : relations[name]?.[role]
    const reaches = actor === 'another user' ? 'nothing' : 'rows'
    const { rows } = await admin.client.query<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) as row from ${name} t where ${owned} limit 1`,
      [owner.userId],
    )
    const sample = rows[0]?.row ?? {}
    const before = await digestOf(admin.client, catalogue.relations, owner.userId)
    const table = clientOf(actor).from(name.replace('public.', ''))
    const columns = relation.columns.map((column) => column.name)
    const readableColumns = columns.filter((column) => includes(rights?.select, column))

    const seen: Record<string, unknown> = {
      select: verdict(await table.select(readableColumns.join(',') || '*').eq(key, id)),
    }
    const expected: Record<string, unknown> = { select: rights?.select ? reaches : 'refused' }
    if (relation.kind === 'table') {
      // Values are those that are there: a write that is allowed changes nothing but updated_at, and is not made for real.
      for (const { name: column } of relation.columns.filter(({ writable }) => writable)) {
        const allowed = includes(rights?.update, column)
        const filter = allowed && actor !== 'another user' ? randomUUID() : id
        const answer = await table
          .update({ [column]: sample[column] })
          .eq(key, filter)
          .select(key)
        seen[`update ${column}`] = verdict(answer)
        expected[`update ${column}`] = allowed ? 'nothing' : 'refused'
      }
      const insertable = columns.filter((column) => includes(rights?.insert, column))
      const isStranger = actor === 'another user'
      if (!rights?.insert || isStranger) {
        const row = Object.fromEntries((rights?.insert ? insertable : [key]).map((column) => [column, sample[column]]))
        seen['insert'] = verdict(await table.insert(row))
        expected['insert'] = 'refused'
      }
      seen['delete'] = verdict(
        await table
          .delete()
          .eq(key, rights?.delete && !isStranger ? randomUUID() : id)
          .select(key),
      )
      expected['delete'] = rights?.delete ? 'nothing' : 'refused'
    }
    expect(seen).toEqual(expected)
    expect(await digestOf(admin.client, catalogue.relations, owner.userId)).toEqual(before)
  })
})

test.for(Object.keys(functions).filter((signature) => signature.startsWith('public.') && functions[signature]?.call))(
  '%s called through the gateway by anybody but a user is refused, and by another user tells nothing of the owner',
  async (signature) => {
    const row = functions[signature]
    const name = signature.slice('public.'.length, signature.indexOf('('))
    const before = await digestOf(admin.client, catalogue.relations, owner.userId)
    const seen: Record<string, unknown> = {}
    const expected: Record<string, unknown> = {}
    for (const actor of actors.filter((candidate) => candidate !== 'owner')) {
      const role = grantedRoles[actor]
      const allowed = role !== null && (row?.execute.includes(role) ?? false)
      // What administrators may do, they do.
      if (allowed && row?.administers) continue
      const { data, error } = await clientOf(actor).rpc(name, row?.call?.(owner))
      seen[actor] = error
        ? allowed
          ? error.hint
          : 'refused'
        : owner.secrets.some((secret) => JSON.stringify(data ?? null).includes(secret))
      expected[actor] = allowed ? (actor === 'another user' ? (row?.stranger ?? false) : false) : 'refused'
    }
    expect(seen).toEqual(expected)
    expect(await digestOf(admin.client, catalogue.relations, owner.userId)).toEqual(before)
  },
)

test.for([
  'private',
  'dashboard',
  'auth',
  'storage',
  'realtime',
  'extensions',
  'supabase_migrations',
  'pg_catalog',
  'information_schema',
])('the schema %s cannot be reached through the gateway, whoever asks', async (schema) => {
  for (const actor of actors) {
    const { error, data } = await clientOf(actor).schema(schema).from('users').select('*')
    expect(data).toBeNull()
    // A token of session_host is refused as such: the gateway knows no such caller.
    expect(error?.code).toBe(actor === 'a token of session_host' ? 'PGRST303' : 'PGRST106')
  }
})

test('tables and functions of the schema private are unknown to the gateway', async () => {
  const answers: Record<string, unknown> = {}
  const service = clientOf('service_role')
  for (const { name } of catalogue.relations.filter((relation) => relation.name.startsWith('private.'))) {
    const { error, data } = await service.from(name.replace('private.', '')).select('*')
    answers[name] = { code: error?.code, data }
  }
  const exposedNames = new Set(catalogue.routines.filter(({ schema }) => schema === 'public').map(({ name }) => name))
  for (const { name } of catalogue.routines.filter(
    (routine) => routine.schema === 'private' && !exposedNames.has(routine.name),
  )) {
    const { error, data } = await service.rpc(name)
    answers[`${name}()`] = { code: error?.code, data }
  }
  for (const [name, answer] of Object.entries(answers))
    expect({ name, answer }).toEqual({
      name,
      answer: { code: name.endsWith('()') ? 'PGRST202' : 'PGRST205', data: null },
    })
})

/** Whether rows came back, none did, or the statement was refused for want of a right. */
function verdict({ data, error, status }: { data: unknown; error: { code: string } | null; status: number }): string {
  if (error === null) return Array.isArray(data) && data.length > 0 ? 'rows' : 'nothing'
  return error.code === '42501' || status === 401 || status === 403 ? 'refused' : error.code
}

function includes(columns: Columns | undefined, column: string): boolean {
  return columns === 'every column' || (columns?.includes(column) ?? false)
}
