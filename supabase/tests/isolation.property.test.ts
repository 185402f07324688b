import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Database } from '../../session-host/store/database.ts'
import { createTestStack } from '../local/create-test-stack.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { hostDatabase } from './linked-session.fixture.ts'
import { readCatalogue, type Catalogue } from './read-catalogue.ts'
import { createInhabitant, digestOf, ownedBy, type Inhabitant } from './world.fixture.ts'

let stack: ServedDatabase
let database: Database
let admin: Awaited<ReturnType<typeof connect>>
let catalogue: Catalogue
let users: [Inhabitant, Inhabitant]
beforeAll(async () => {
  stack = await createTestStack()
  database = hostDatabase(stack)
  admin = await connect(stack.adminDatabaseUrl)
  catalogue = await readCatalogue(admin.client)
  users = [
    await createInhabitant(stack, database, { seed: 1, phone: '34600000001', email: 'ana@example.com' }),
    await createInhabitant(stack, database, { seed: 2, phone: '34600000002', email: 'ben@example.com' }),
  ]
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await admin[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

/** A statement about somebody's objects, with the same one about objects that nobody has. */
interface Call {
  /** The table or function that is called. */
  target: string
  text: string
  values: unknown[]
  /** The same with ids of the same form that nobody has. */
  strangeValues: unknown[]
}

/** Values that belong to a user, by the type of the column or argument that takes them. */
type Belongings = Record<string, unknown[]>

test(
  'ten thousand random calls about another user’s objects return nothing of theirs, change nothing, and tell not even what exists',
  { timeout: 300_000 },
  async () => {
    for (const [caller, victim] of [users, users.toReversed()]) {
      if (!caller || !victim) throw new Error('a user is missing')
      const belongings = await onlyOf(victim, caller)
      const client = new pg.Client({ connectionString: stack.adminDatabaseUrl, pipeline: true })
      client.on('error', () => {})
      await client.connect()
      await client.query(`select set_config('request.jwt.claims', $1, false)`, [
        JSON.stringify({ sub: caller.userId, role: 'authenticated' }),
      ])
      await client.query('set role authenticated')
      const before = await digestOf(admin.client, catalogue.relations, victim.userId)
      const calls = fc.sample(callArbitrary(belongings), 5_000)
      expect(calls).toHaveLength(5_000)
      expect([...new Set(calls.map(({ target }) => target))].toSorted()).toEqual(
        [
          ...exposedRelations().map(({ name }) => name),
          ...exposedRoutines().map(({ signature }) => signature),
        ].toSorted(),
      )
      const kinds = { rows: 0, empty: 0, refused: 0 }
      for (const [n, call] of calls.entries()) {
        const [strange, answer] = await Promise.all([
          attempt(client, call.text, call.strangeValues, true),
          attempt(client, call.text, call.values, false),
        ])
        // The object of somebody else answers as one that does not exist.
        expect({ call, outcome: withoutOwn(answer, caller) }).toEqual({ call, outcome: withoutOwn(strange, caller) })
        for (const secret of victim.secrets) expect(answer.body.includes(secret), JSON.stringify(call)).toBe(false)
        const now = n % 1_000 === 999 ? await digestOf(admin.client, catalogue.relations, victim.userId) : before
        expect(now).toEqual(before)
        kinds[
          answer.outcome === '0'
            ? 'empty'
            : /^\d/.test(answer.outcome) && answer.outcome.length < 5
              ? 'rows'
              : 'refused'
        ] += 1
      }
      await client.end()
      // The calls were no nonsense: some were refused, some found nothing, some answered with the caller's own.
      expect(Math.min(...Object.values(kinds))).toBeGreaterThan(100)
    }
  },
)

test('a sample of such calls through the gateway ends the same', async () => {
  const [caller, victim] = users
  const token = await stack.mintToken({ sub: caller.userId, role: 'authenticated' })
  const client = createClient(stack.url, stack.publishableKey, { accessToken: async () => token })
  const belongings = await onlyOf(victim, caller)
  const before = await digestOf(admin.client, catalogue.relations, victim.userId)
  const routines = exposedRoutines()
  const relations = exposedRelations()
  for (let n = 0; n < 300; n += 1) {
    const pick = <T>(list: T[]): T | undefined => list[Math.floor(Math.random() * list.length)]
    const relation = pick(relations)
    const column = relation && pick(relation.columns)
    const routine = pick(routines)
    if (!relation || !column || !routine) throw new Error('nothing is exposed')
    const value = pick(belongings[column.type] ?? [])
    const table = client.from(relation.name.replace('public.', ''))
    const given = Object.fromEntries(
      routine.arguments
        .filter(({ optional }) => !optional || n % 2 === 0)
        .map(({ name, type }) => [name, pick(belongings[type] ?? [])]),
    )
    const answers = [
      await (value === undefined ? table.select() : table.select().eq(column.name, value)),
      await table.delete().eq('user_id', victim.userId).select(),
      await table
        .update({ [column.name]: value })
        .eq('user_id', victim.userId)
        .select(),
      await client.rpc(routine.name, given),
    ]
    for (const { data } of answers)
      for (const secret of victim.secrets) expect(JSON.stringify(data ?? null).includes(secret)).toBe(false)
  }
  expect(await digestOf(admin.client, catalogue.relations, victim.userId)).toEqual(before)
})

function exposedRelations(): Catalogue['relations'] {
  return catalogue.relations.filter(({ name }) => name.startsWith('public.'))
}

function exposedRoutines(): Catalogue['routines'] {
  return catalogue.routines.filter(({ schema, isTrigger }) => schema === 'public' && !isTrigger)
}

/** What only the victim has: people whom both know are the caller's own, too. */
async function onlyOf(victim: Inhabitant, caller: Inhabitant): Promise<Belongings> {
  const [theirs, own] = await Promise.all([belongingsOf(victim), belongingsOf(caller)])
  return Object.fromEntries(
    Object.entries(theirs).map(([type, values]) => [
      type,
      type === 'text' || type === 'uuid' ? values.filter((value) => !own[type]?.includes(value)) : values,
    ]),
  )
}

/** Everything that a user's rows hold, by type. Words that are secret stay out: they would come back as the caller's own. */
async function belongingsOf(user: Inhabitant): Promise<Belongings> {
  const belongings: Record<string, Set<unknown>> = {}
  for (const { name, kind, columns } of catalogue.relations) {
    const owned = ownedBy(columns)
    if (kind !== 'table' || !owned) continue
    const { rows } = await admin.client.query<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) as row from ${name} t where ${owned} limit 50`,
      [user.userId],
    )
    for (const { name: column, type } of columns)
      for (const { row } of rows) {
        const value = row[column]
        if (value === null || value === undefined || typeof value === 'object') continue
        if (typeof value === 'string' && user.secrets.some((secret) => value.includes(secret))) continue
        ;(belongings[type] ??= new Set()).add(value)
      }
  }
  const ids = [...(belongings['uuid'] ?? [])]
  const texts = new Set([...(belongings['text'] ?? []), ...ids])
  const lists = {
    ...Object.fromEntries(Object.entries(belongings).map(([type, values]) => [type, [...values]])),
    text: [...texts],
  }
  return {
    ...lists,
    boolean: [true, false],
    jsonb: ids.slice(0, 20).map((id) => JSON.stringify(['public.messages_new', id, id])),
  }
}

function callArbitrary(belongings: Belongings): fc.Arbitrary<Call> {
  const valueOf = (type: string): fc.Arbitrary<{ value: unknown; strange: unknown }> => {
    const values = belongings[type] ?? []
    return values.length === 0
      ? fc.constant({ value: null, strange: null })
      : fc.constantFrom(...values).map((value) => ({ value, strange: strangeOf(value) }))
  }
  const build = (target: string, text: string, types: string[]): fc.Arbitrary<Call> =>
    fc.tuple(...types.map(valueOf)).map((values) => ({
      target,
      text,
      values: values.map(({ value }) => value),
      strangeValues: values.map(({ strange }) => strange),
    }))

  const perRelation = exposedRelations().map(({ name, columns }) => {
    const column = fc.constantFrom(...columns)
    const writable = fc.constantFrom(...columns.filter((candidate) => candidate.writable))
    return fc.oneof(
      column.chain(({ name: key, type }) => build(name, `select * from ${name} where "${key}" = $1::${type}`, [type])),
      fc
        .tuple(column, writable)
        .chain(([key, set]) =>
          build(
            name,
            `update ${name} set "${set.name}" = $2::${set.type} where "${key.name}" = $1::${key.type} and user_id <> auth.uid() returning *`,
            [key.type, set.type],
          ),
        ),
      // Own rows pointed at what is somebody else's.
      writable.chain((set) =>
        build(name, `update ${name} set "${set.name}" = $1::${set.type} returning *`, [set.type]),
      ),
      fc
        .subarray(
          columns.filter((candidate) => candidate.writable),
          { minLength: 1 },
        )
        .chain((set) =>
          build(
            name,
            `insert into ${name} (${set.map((c) => `"${c.name}"`).join(', ')}) values (${set.map((c, n) => `$${n + 1}::${c.type}`).join(', ')}) returning *`,
            set.map((c) => c.type),
          ),
        ),
      column.chain(({ name: key, type }) =>
        build(name, `delete from ${name} where "${key}" = $1::${type} returning *`, [type]),
      ),
    )
  })
  const perRoutine = exposedRoutines().map((routine) =>
    // Keys are the caller's own: one used before answers what it answered then.
    fc
      .subarray(routine.arguments.filter(({ name, optional }) => optional && name !== 'p_idempotency_key'))
      .chain((optional) => {
        const given = routine.arguments.filter((argument) => !argument.optional || optional.includes(argument))
        const list = given.map(({ name, type }, n) => `${name} => $${n + 1}::${type}`).join(', ')
        return build(
          routine.signature,
          `select * from public.${routine.name}(${list})`,
          given.map(({ type }) => type),
        )
      }),
  )
  return fc.oneof(...perRelation, ...perRoutine)
}

/** A value of the same form that is nobody's. Times, numbers and words that are not ids stay. */
function strangeOf(value: unknown): unknown {
  if (typeof value !== 'string') return value
  const digits = (count: number): string => Array.from({ length: count }, () => Math.floor(Math.random() * 10)).join('')
  return value
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, () => randomUUID())
    .replace(/^\d+(?=@)/, (user) => `7${digits(user.length - 1)}`)
}

/** The outcome without the caller's own rows: an earlier call may have written a value of the victim's into them. */
function withoutOwn({ outcome, body }: { outcome: string; body: string }, caller: Inhabitant): string {
  if (!/^\d{1,4}$/.test(outcome)) return outcome
  const rows = JSON.parse(body) as { user_id?: unknown }[]
  return String(rows.filter((row) => row.user_id !== caller.userId).length)
}

/** How a call ended: how many rows, or the refusal; and what it answered. A rehearsal leaves no trace. */
async function attempt(
  client: pg.Client,
  text: string,
  values: unknown[],
  rehearsal: boolean,
): Promise<{ outcome: string; body: string }> {
  // Sent at once: the connection keeps their order.
  const begun = client.query('begin')
  const answered = client.query(text, values).then(
    ({ rows }) => ({ outcome: String(rows.length), body: JSON.stringify(rows) }),
    (error: { code?: string; hint?: string; message: string; detail?: string }) => ({
      outcome: [error.code, error.hint, error.message].join(' '),
      body: JSON.stringify([error.message, error.detail]),
    }),
  )
  const ended = client.query(rehearsal ? 'rollback' : 'commit')
  const [, answer] = await Promise.all([begun, answered, ended])
  return answer
}
