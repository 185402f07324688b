import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestStack } from '../create-test-stack.ts'
import { connect } from '../postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../serve-database.ts'

const schema = `
create table public.shelves (id int primary key, label text not null unique);
create table public.books (
  id bigint generated always as identity primary key, shelf_id int references public.shelves (id), title text not null,
  pages int default 100, price numeric(8, 2), tags text[] not null default '{}', extra jsonb, read_at timestamptz,
  parent_id bigint references public.books (id)
);
create table public.notes (id uuid primary key default gen_random_uuid(), body text not null check (body <> 'bad'));
create table public.closed (id int primary key);
grant all on public.shelves, public.books, public.notes to service_role;
insert into public.shelves values (1, 'left'), (2, 'right, "odd"');
insert into public.books (shelf_id, title, pages, price, tags, extra, read_at) values
  (1, 'Árbol', 10, 1.50, '{a,b}', '{"lang": "es", "n": [1, 2]}', '2026-11-24T02:15:15.99Z'),
  (1, 'Bosque', 20, null, '{b}', '{"lang": "es"}', null),
  (2, 'Cliff, the', 30, 3, '{}', null, null);
update public.books set parent_id = 1 where id = 2;

create function public.describe(p_id uuid, p_n int, p_at timestamptz, p_tags text[], p_data jsonb, p_missing text default 'none')
  returns jsonb language sql volatile as $$
  select jsonb_build_object('id', p_id, 'n', p_n, 'at', p_at, 'tags', p_tags, 'data', p_data, 'missing', p_missing) $$;
create function public.add(a int, b int) returns int language sql immutable as 'select a + b';
create function public.nothing() returns void language sql as 'select';
create function public.no_row() returns public.books language sql stable as 'select null::public.books';
create function public.one_book(p_id bigint) returns public.books language sql stable as 'select * from public.books where id = p_id';
create function public.all_books() returns setof public.books language sql stable as 'select * from public.books';
create function public.numbers(n int) returns setof int language sql stable as 'select generate_series(1, n)';
create function public.pairs(n int) returns table (k int, v text) language sql stable as $$ select i, 'v' || i from generate_series(1, n) i $$;
create function public.fail(p_state text) returns void language plpgsql as $$
begin raise exception using errcode = p_state, message = 'told', detail = 'why', hint = 'what to do'; end $$;
create function public.write_note() returns void language sql volatile as $$ insert into public.notes (body) values ('x') $$;
create function public.slow() returns void language sql as 'select pg_sleep(20)';
create function public.who() returns jsonb language sql stable as $$
  select jsonb_build_object('user', current_user, 'uid', auth.uid(), 'role', auth.role(), 'method', current_setting('request.method')) $$;
create function public.twice(a int) returns int language sql as 'select a';
create function public.twice(a text) returns text language sql as 'select a';
`

let stack: ServedDatabase
let service: SupabaseClient
beforeAll(async () => {
  stack = await createTestStack()
  await using owner = await connect(stack.adminDatabaseUrl)
  await owner.client.query(schema)
  service = createClient(stack.url, stack.secretKey)
})
afterAll(() => stack[Symbol.asyncDispose]())

const titles = (rows: { title: string }[] | null): string[] | undefined => rows?.map((row) => row.title)

test('arguments of every type that we use reach a function by name', async () => {
  const id = '7f3c2a52-3c1d-4b8e-9d5e-111111111111'
  const { data } = await service.rpc('describe', {
    p_data: { deep: [1, { a: "it's" }] },
    p_id: id,
    p_n: 3,
    p_at: '2026-11-24T02:15:15.99Z',
    p_tags: ['a', 'b,"c"', 'ñ'],
  })
  expect(data).toEqual({
    id,
    n: 3,
    at: '2026-11-24T02:15:15.99+00:00',
    tags: ['a', 'b,"c"', 'ñ'],
    data: { deep: [1, { a: "it's" }] },
    missing: 'none',
  })
})

test('a function’s result has the shape of its return type', async () => {
  expect((await service.rpc('add', { a: 1, b: 2 })).data).toBe(3)
  expect((await service.rpc('add', { a: 1, b: 2 }, { get: true })).data).toBe(3)
  expect(await service.rpc('nothing')).toMatchObject({ data: null, error: null, status: 204 })
  expect((await service.rpc('one_book', { p_id: 2 })).data).toMatchObject({ id: 2, title: 'Bosque' })
  expect((await service.rpc('numbers', { n: 3 })).data).toEqual([1, 2, 3])
  expect((await service.rpc('pairs', { n: 2 })).data).toEqual([
    { k: 1, v: 'v1' },
    { k: 2, v: 'v2' },
  ])
  expect((await service.rpc('pairs', { n: 9 }).select('v').gt('k', 7).order('k', { ascending: false })).data).toEqual([
    { v: 'v9' },
    { v: 'v8' },
  ])
  expect((await service.rpc('pairs', { n: 9 }, { count: 'exact' }).limit(2)).count).toBe(9)
  expect((await service.rpc('one_book', { p_id: 2 }).single()).data).toMatchObject({ title: 'Bosque' })
  expect((await service.rpc('all_books').select('title, shelves(label)').eq('id', 1)).data).toEqual([
    { title: 'Árbol', shelves: { label: 'left' } },
  ])
})

test('a wrong or ambiguous call names its error', async () => {
  expect(await service.rpc('add', { a: 1 })).toMatchObject({ status: 404, error: { code: 'PGRST202' } })
  expect(await service.rpc('twice', { a: 1 })).toMatchObject({ status: 300, error: { code: 'PGRST203' } })
  expect(await service.rpc('add', { a: 'x', b: 2 })).toMatchObject({ status: 400, error: { code: '22P02' } })
})

test.each([
  ['P0001', 400],
  ['PT404', 404],
  ['PT409', 409],
  ['PT429', 429],
  ['22023', 400],
  ['23503', 409],
  ['23505', 409],
  ['40001', 500],
  ['42501', 403],
  ['53300', 503],
])('SQLSTATE %s becomes HTTP %i with message, detail and hint', async (state, status) => {
  const answer = await service.rpc('fail', { p_state: state })
  expect(answer).toMatchObject({ status, error: { code: state, message: 'told', details: 'why', hint: 'what to do' } })
})

test('a call by GET can’t write', async () => {
  expect(await service.rpc('write_note', {}, { get: true })).toMatchObject({ status: 405, error: { code: '25006' } })
})

test('filters, logic trees, order and paging', async () => {
  const books = () => service.from('books').select('title').order('id')
  expect(titles((await books().eq('pages', 20)).data)).toEqual(['Bosque'])
  expect(titles((await books().neq('pages', 20)).data)).toEqual(['Árbol', 'Cliff, the'])
  expect(titles((await books().gt('pages', 10).lte('pages', 30)).data)).toEqual(['Bosque', 'Cliff, the'])
  expect(titles((await books().like('title', 'B%')).data)).toEqual(['Bosque'])
  expect(titles((await books().ilike('title', '*QUE')).data)).toEqual(['Bosque'])
  expect(titles((await books().is('price', null)).data)).toEqual(['Bosque'])
  expect(titles((await books().not('price', 'is', null)).data)).toEqual(['Árbol', 'Cliff, the'])
  expect(titles((await books().in('title', ['Cliff, the', 'Árbol'])).data)).toEqual(['Árbol', 'Cliff, the'])
  expect(titles((await books().in('id', [])).data)).toEqual([])
  expect(titles((await books().contains('tags', ['b'])).data)).toEqual(['Árbol', 'Bosque'])
  expect(titles((await books().contains('extra', { lang: 'es' })).data)).toEqual(['Árbol', 'Bosque'])
  expect(titles((await books().eq('extra->>lang', 'es').eq('extra->n->>0', '1')).data)).toEqual(['Árbol'])
  expect(titles((await books().or('pages.eq.10,and(pages.gt.20,title.eq."Cliff, the")')).data)).toEqual([
    'Árbol',
    'Cliff, the',
  ])
  expect(
    titles(
      (
        await books()
          .not('or', 'is', '(pages.eq.10)' as never)
          .limit(0)
      ).data ?? [],
    ),
  ).toEqual([])
  expect(titles((await books().textSearch('title', 'bosque')).data)).toEqual(['Bosque'])
  expect(titles((await books().likeAnyOf('title', ['A%', 'B%', 'C%'])).data)).toEqual(['Bosque', 'Cliff, the'])
  expect(
    titles(
      (
        await service
          .from('books')
          .select('title')
          .order('price', { ascending: false, nullsFirst: true })
          .order('id')
          .range(0, 1)
      ).data,
    ),
  ).toEqual(['Bosque', 'Cliff, the'])
})

test('columns, aliases, casts and JSON steps', async () => {
  const { data } = await service
    .from('books')
    .select('name:title, pages::text, extra->lang, first:extra->n->>0, read_at, price')
    .eq('id', 1)
    .single()
  expect(data).toEqual({
    name: 'Árbol',
    pages: '10',
    lang: 'es',
    first: '1',
    read_at: '2026-11-24T02:15:15.99+00:00',
    price: 1.5,
  })
})

test('related rows come along foreign keys, in both directions, filtered and limited', async () => {
  expect((await service.from('books').select('title, shelf:shelves(label)').eq('id', 3).single()).data).toEqual({
    title: 'Cliff, the',
    shelf: { label: 'right, "odd"' },
  })
  const { data } = await service
    .from('shelves')
    .select('label, books(title)')
    .order('id')
    .order('title', { referencedTable: 'books', ascending: false })
    .limit(1, { referencedTable: 'books' })
  expect(data).toEqual([
    { label: 'left', books: [{ title: 'Bosque' }] },
    { label: 'right, "odd"', books: [{ title: 'Cliff, the' }] },
  ])
  const inner = await service.from('shelves').select('id, books!inner(title)').eq('books.pages', 30)
  expect(inner.data).toEqual([{ id: 2, books: [{ title: 'Cliff, the' }] }])
  expect((await service.from('books').select('title, parent:parent_id(title)').eq('id', 2).single()).data).toEqual({
    title: 'Bosque',
    parent: { title: 'Árbol' },
  })
  expect((await service.from('books').select('notes(*)')).error).toMatchObject({ code: 'PGRST200' })
})

test('counting, with and without rows', async () => {
  expect(await service.from('books').select('*', { count: 'exact', head: true })).toMatchObject({
    count: 3,
    data: null,
    status: 200,
  })
  expect(await service.from('books').select('id', { count: 'exact' }).order('id').range(1, 1)).toMatchObject({
    count: 3,
    data: [{ id: 2 }],
    status: 206,
  })
  expect(await service.from('books').select('id', { count: 'exact' }).range(7, 9)).toMatchObject({
    status: 416,
    error: { code: 'PGRST103' },
  })
})

test('writing: lists, defaults, generated keys, conflicts, and what is returned', async () => {
  const made = await service
    .from('books')
    .insert(
      [
        { title: 'x', shelf_id: 1 },
        { title: 'y', shelf_id: 2 },
      ],
      { count: 'exact' },
    )
    .select('title, pages, shelves(label)')
  expect(made).toMatchObject({
    status: 201,
    count: 2,
    data: [{ title: 'x', pages: 100, shelves: { label: 'left' } }, { title: 'y' }],
  })
  const mixed = await service
    .from('books')
    .insert([{ title: 'z', pages: 1 }, { title: 'w' }], { defaultToNull: false })
    .select('pages')
    .order('pages')
  expect(mixed.data).toEqual([{ pages: 1 }, { pages: 100 }])
  expect(await service.from('books').delete().in('title', ['x', 'y', 'z', 'w'])).toMatchObject({
    status: 204,
    data: null,
  })
  expect((await service.from('shelves').upsert({ id: 1, label: 'left!' }).select()).data).toEqual([
    { id: 1, label: 'left!' },
  ])
  expect(
    (
      await service
        .from('shelves')
        .upsert({ id: 9, label: 'left!' }, { onConflict: 'label', ignoreDuplicates: true })
        .select()
    ).data,
  ).toEqual([])
  expect((await service.from('shelves').update({ label: 'left' }).eq('id', 1).select('label').single()).data).toEqual({
    label: 'left',
  })
  expect((await service.from('notes').insert({ body: 'a', nope: 1 })).error).toMatchObject({ code: 'PGRST204' })
  expect(await service.from('notes').insert({ body: 'bad' })).toMatchObject({ status: 400, error: { code: '23514' } })
  expect(await service.from('shelves').insert({ id: 1, label: 'again' })).toMatchObject({
    status: 409,
    error: { code: '23505' },
  })
})

test('no update or delete without a filter, and none that a single row was asked of but did not give', async () => {
  expect(await service.from('shelves').delete()).toMatchObject({ status: 400, error: { code: '21000' } })
  expect(await service.from('shelves').update({ label: 'same' })).toMatchObject({
    status: 400,
    error: { code: '21000' },
  })
  expect(await service.from('books').update({ pages: 1 }).gt('id', 0).select().single()).toMatchObject({
    status: 406,
    error: { code: 'PGRST116' },
  })
  expect((await service.from('books').select().eq('pages', 1)).data).toEqual([])
})

test('one row or none', async () => {
  expect(await service.from('books').select().eq('id', 99).single()).toMatchObject({
    status: 406,
    error: { code: 'PGRST116' },
  })
  expect(await service.from('books').select().eq('id', 99).maybeSingle()).toMatchObject({ data: null, error: null })
  expect((await service.from('books').select('id').maybeSingle()).error).toMatchObject({ code: 'PGRST116' })
})

test('what is not granted is refused, also to the service role', async () => {
  expect(await service.from('closed').select()).toMatchObject({ status: 403, error: { code: '42501' } })
  expect(await createClient(stack.url, stack.publishableKey).from('closed').select()).toMatchObject({
    status: 401,
    error: { code: '42501' },
  })
})

test('malformed requests are the caller’s fault', async () => {
  const get = async (query: string) =>
    (await fetch(`${stack.url}/rest/v1/books?${query}`, { headers: { apikey: stack.secretKey } })).status
  expect(await get('id=is.maybe')).toBe(400)
  expect(await get('id=wat.1')).toBe(400)
  expect(await get('id=1')).toBe(400)
  expect(await get('nope=eq.1')).toBe(400)
  expect(await get('select=nope')).toBe(400)
  expect(await get('limit=-1')).toBe(400)
  expect(await get('or=(id.eq.1')).toBe(400)
  expect(await get('select=count()')).toBe(400)
  expect(await get('select=title,x:id::text)%20from%20auth.users%20--')).toBe(400)
  expect(await get('shelves.label=eq.x')).toBe(400)
})

test('names and values of a request never become SQL', async () => {
  const odd = `x'); drop table public.closed; --"`
  expect((await service.from('books').select('title').eq('title', odd)).data).toEqual([])
  expect((await service.from('books').select('title').eq(`extra->>${odd}`, 'x')).error).not.toMatchObject({
    code: '42601',
  })
  expect((await service.from(odd).select()).error).toMatchObject({ code: 'PGRST205' })
  expect((await service.rpc('add', { [odd]: 1, a: 1, b: 2 })).error).toMatchObject({ code: 'PGRST202' })
  expect((await service.from('notes').insert({ [odd]: 1 })).error).toMatchObject({ code: 'PGRST204' })
  expect((await service.from('books').select(`"${odd.replaceAll('"', '')}"`)).error).toMatchObject({ code: '42703' })
  expect((await service.from('closed').select()).error).toMatchObject({ code: '42501' })
})

test('each request runs as its own caller', async () => {
  const user = await stack.createUser({ email: 'who@example.com', password: 'password-1' })
  const client = createClient(stack.url, stack.publishableKey, { auth: { persistSession: false } })
  expect((await client.rpc('who')).data).toEqual({ user: 'anon', uid: null, role: 'anon', method: 'POST' })
  await client.auth.signInWithPassword({ email: 'who@example.com', password: 'password-1' })
  expect((await client.rpc('who')).data).toEqual({
    user: 'authenticated',
    uid: user.id,
    role: 'authenticated',
    method: 'POST',
  })
  expect((await service.rpc('who')).data).toMatchObject({ user: 'service_role', uid: null })
})

test('a function whose arguments changed is called as it is now', async () => {
  await service.rpc('add', { a: 1, b: 2 })
  await using owner = await connect(stack.adminDatabaseUrl)
  await owner.client.query(`drop function public.add(int, int);
    create function public.add(a int, b int, c int default 10) returns int language sql immutable as 'select a + b + c'`)
  expect((await service.rpc('add', { a: 1, b: 2, c: 3 })).data).toBe(6)
  await owner.client.query(`drop function public.add(int, int, int);
    create function public.add(a text, b text) returns text language sql immutable as 'select a || b'`)
  expect((await service.rpc('add', { a: 'x', b: 'y' })).data).toBe('xy')
})

test('a table made later is found', async () => {
  await service.from('books').select('id').limit(1)
  await using owner = await connect(stack.adminDatabaseUrl)
  await owner.client.query('create table public.later (id int); grant select on public.later to service_role')
  expect((await service.from('later').select()).data).toEqual([])
})

test('an anonymous statement is cancelled after the platform’s three seconds', async () => {
  expect((await createClient(stack.url, stack.publishableKey).rpc('slow')).error).toMatchObject({ code: '57014' })
})
