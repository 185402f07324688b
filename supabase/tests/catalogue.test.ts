import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestStack } from '../local/create-test-stack.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'
import { ourSchemas, readCatalogue, type Catalogue } from './read-catalogue.ts'

let stack: ServedDatabase
let admin: Awaited<ReturnType<typeof connect>>
let catalogue: Catalogue
beforeAll(async () => {
  stack = await createTestStack()
  admin = await connect(stack.adminDatabaseUrl)
  catalogue = await readCatalogue(admin.client)
})
afterAll(async () => {
  await admin[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

/** What a query of offenders finds, a name each. `$1` is our schemas. */
async function offenders(text: string, values: unknown[] = [ourSchemas]): Promise<string[]> {
  const { rows } = await admin.client.query<{ name: string }>(text, values)
  return rows.map((row) => row.name)
}

test('row-level security is on for every table', () => {
  expect(catalogue.relations.length).toBeGreaterThan(10)
  expect(catalogue.relations.filter(({ kind, rowSecurity }) => kind === 'table' && !rowSecurity)).toEqual([])
})

test('every view reads with the rights of its caller', () => {
  expect(catalogue.relations.filter(({ kind, securityInvoker }) => kind === 'view' && !securityInvoker)).toEqual([])
})

test('every schema is the platform’s or one of ours that these tests look at', async () => {
  const platform = ['public', 'auth', 'storage', 'realtime', 'extensions', 'supabase_migrations', 'information_schema']
  expect(
    await offenders(
      `select nspname as name from pg_namespace where nspname <> all($1) and nspname <> all($2) and nspname !~ '^pg_'`,
      [ourSchemas, platform],
    ),
  ).toEqual([])
})

test('nothing of ours is granted to PUBLIC or anon: no table, column, sequence, function or schema', async () => {
  expect(
    await offenders(`
      with objects (name, acl) as (
        select 'schema ' || n.nspname, n.nspacl from pg_namespace n
          where n.oid = any($1::regnamespace[]) and n.nspname <> 'public'
        union all
        select c.oid::regclass::text, c.relacl from pg_class c where c.relnamespace = any($1::regnamespace[])
        union all
        select c.oid::regclass || '.' || a.attname, a.attacl from pg_attribute a join pg_class c on c.oid = a.attrelid
          where c.relnamespace = any($1::regnamespace[])
        union all
        -- A function without an ACL is everybody's.
        select p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)) from pg_proc p
          where p.pronamespace = any($1::regnamespace[]))
      select name || ' to ' || case g.grantee when 0 then 'PUBLIC' else g.grantee::regrole::text end as name
        from objects, aclexplode(acl) g where g.grantee = 0 or g.grantee = 'anon'::regrole`),
  ).toEqual([])
})

test('nobody but the owner is granted more on a table than select, insert, update and delete', async () => {
  expect(
    await offenders(`
      select c.oid::regclass || ' ' || g.privilege_type || ' to ' || g.grantee::regrole as name
        from pg_class c, aclexplode(c.relacl) g
        where c.relnamespace = any($1::regnamespace[]) and c.relkind in ('r', 'p', 'v', 'm') and g.grantee <> c.relowner
          and (g.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE') or g.is_grantable)`),
  ).toEqual([])
})

test('default privileges grant nothing of ours to a client role', async () => {
  expect(
    await offenders(
      `select d.defaclnamespace::regnamespace || ' ' || d.defaclobjtype::text || ' to ' || g.grantee as name
         from pg_default_acl d, aclexplode(d.defaclacl) g
         where g.grantee in (0, 'anon'::regrole, 'authenticated'::regrole, 'service_role'::regrole)
           and (d.defaclnamespace = 0 or d.defaclnamespace = any($1::regnamespace[]))`,
    ),
  ).toEqual([])
})

test('every function pins an empty search_path', () => {
  expect(
    catalogue.routines.filter(({ settings }) => !settings.includes('search_path=""')).map(({ signature }) => signature),
  ).toEqual([])
})

test('no security definer function is in an exposed schema', () => {
  expect(
    catalogue.routines
      .filter(({ definer, schema }) => definer && schema === 'public')
      .map(({ signature }) => signature),
  ).toEqual([])
  expect(catalogue.routines.some(({ definer }) => definer)).toBe(true)
})

test('every definer function that a user may call asks who calls', async () => {
  expect(
    await offenders(`
      select p.oid::regprocedure::text as name from pg_proc p
        where p.pronamespace = any($1::regnamespace[]) and p.prosecdef and has_function_privilege('authenticated', p.oid, 'EXECUTE')
          and p.prosrc not like '%private.require_user()%' and p.prosrc not like '%auth.uid()%'`),
  ).toEqual([])
})

const policies = `
  select format('%s on %s.%s: using %s, check %s', p.policyname, p.schemaname, p.tablename, p.qual, p.with_check) as name
    from pg_policies p where p.schemaname not in ('auth') and`

test('policies of client roles ask for auth.uid() once a statement, and none lets everything through', async () => {
  const client = `p.roles && '{public,anon,authenticated}'::name[]`
  expect(
    await offenders(`${policies} ${client} and p.schemaname = any($1) and (
      replace(concat(p.qual, p.with_check), '( SELECT auth.uid() AS uid)', '') ~ 'auth\\.'
      or (p.qual is not null and p.qual not like '%auth.uid()%')
      or (p.with_check is not null and p.with_check not like '%auth.uid()%'))`),
  ).toEqual([])
  expect(await offenders(`${policies} ${client} and (p.qual = 'true' or p.with_check = 'true')`, [])).toEqual([])
  expect(await offenders(`${policies} p.roles && '{public,anon}'::name[]`, [])).toEqual([])
})

test('every policy is permissive, for named roles, and its name is a sentence', async () => {
  expect(
    await offenders(`${policies} p.schemaname = any($1) and (
      p.permissive <> 'PERMISSIVE' or p.policyname !~ '^(users|the [a-z ]+) (can|may) [a-z ,''-]+$')`),
  ).toEqual([])
})

test('every foreign key has an index that starts with its columns', async () => {
  expect(
    await offenders(`
      select k.conrelid::regclass || ' ' || k.conname as name from pg_constraint k
        where k.contype = 'f' and k.connamespace = any($1::regnamespace[])
          and not exists (
            select from pg_index i where i.indrelid = k.conrelid and i.indpred is null
              and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
              and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] <@ k.conkey)`),
  ).toEqual([])
})

test('references between tables with an owner carry the owner', async () => {
  expect(
    await offenders(`
      select k.conrelid::regclass || ' ' || k.conname || ': add user_id to the reference to ' || k.confrelid::regclass as name
        from pg_constraint k
        join pg_attribute own on own.attrelid = k.conrelid and own.attname = 'user_id'
        join pg_attribute their on their.attrelid = k.confrelid and their.attname = 'user_id'
        where k.contype = 'f' and k.connamespace = any($1::regnamespace[])
          and not (own.attnum = any(k.conkey) and k.confkey[array_position(k.conkey, own.attnum)] = their.attnum)`),
  ).toEqual([])
})

test('deleting a user deletes what is theirs: every owned table leads to auth.users by cascades', async () => {
  expect(
    await offenders(`
      with recursive reached (oid) as (
        select 'auth.users'::regclass::oid
        union
        select k.conrelid from reached r join pg_constraint k on k.confrelid = r.oid and k.contype = 'f' and k.confdeltype = 'c')
      select c.oid::regclass::text as name from pg_class c
        where c.relnamespace = any($1::regnamespace[]) and c.relkind in ('r', 'p') and c.oid not in (select oid from reached)
          -- Kept by triggers on messages_new; the proof of an erasure, which outlives the account.
          and c.oid::regclass::text not in ('private.message_search', 'private.erasures')`),
  ).toEqual([])
})

test('every table, column and view is commented, and every exposed function, in a sentence', () => {
  const sentence = (comment: string | null): boolean => comment !== null && /^\S.*[.?!)]$/s.test(comment)
  const bare = [
    ...catalogue.relations.filter(({ comment }) => !sentence(comment)).map(({ name }) => name),
    ...catalogue.relations.flatMap(({ name, kind, columns }) =>
      (kind === 'table' ? columns : [])
        .filter(({ comment }) => !sentence(comment))
        .map((column) => `${name}.${column.name}`),
    ),
    ...catalogue.routines
      .filter(({ schema, isTrigger, comment }) => schema === 'public' && !isTrigger && !sentence(comment))
      .map(({ signature }) => signature),
  ]
  expect(bare).toEqual([])
})

test('a text column that names one of a few things says which', async () => {
  expect(
    await offenders(`
      select c.oid::regclass || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = any($1::regnamespace[]) and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
          and a.attgenerated = '' and a.atttypid = 'text'::regtype and a.attname ~ '(^|_)(status|kind|desired|type|role|state|direction)$'
          -- Copies of a column that has the check, and names that WhatsApp's library gives.
          and (c.relname, a.attname) not in (
            ('conversations_new', 'last_message_type'), ('message_search', 'message_type'), ('messages_new', 'unsupported_type'), ('whatsapp_keys', 'type'))
          and not exists (
            select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey))`),
  ).toEqual([])
})

test('every column of text that users or WhatsApp fill is bounded in the rows that clients read', async () => {
  expect(
    await offenders(
      `
      select c.oid::regclass || '.' || a.attname as name from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
          and a.attgenerated = '' and a.atttypid = 'text'::regtype and c.relname not in ('conversations_new')
          and a.attname not in ('media_url')
          and not exists (
            select from pg_constraint k where k.conrelid = c.oid and k.contype = 'c' and a.attnum = any(k.conkey))`,
      [],
    ),
  ).toEqual([])
})
