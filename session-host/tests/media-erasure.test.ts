import { randomUUID } from 'node:crypto'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import type { ServedDatabase } from '../../supabase/local/serve-database.ts'
import { createMediaEraser, eraseMedia, type MediaEraserOptions } from '../media/media-eraser.ts'
import { wakeChannel } from '../store/announcer.ts'
import { createDatabase, type Database } from '../store/database.ts'
import { createErasureStore } from '../store/erasures.ts'
import { startGateway } from './start-gateway.ts'
import { createDatabaseWatch, type DatabaseWatch } from './database-watch.ts'

let started: AsyncDisposableStack
let stack: ServedDatabase
let watch: DatabaseWatch
let database: Database
let admin: SupabaseClient
let logs: string[]
beforeEach(async () => {
  started = new AsyncDisposableStack()
  stack = started.use(await createTestStack())
  watch = started.use(await createDatabaseWatch(stack.adminDatabaseUrl))
  database = started.use(createDatabase({ url: stack.databaseUrl, maxConnections: 4, onError: () => undefined }))
  admin = createClient(stack.url, stack.secretKey, { auth: { persistSession: false } })
  logs = []
})
afterEach(() => started.disposeAsync())

const media = (): ReturnType<SupabaseClient['storage']['from']> => admin.storage.from('media')

/** Somebody with files, one in the depth. */
async function person(files: number): Promise<string> {
  const { id } = await stack.createUser({ email: `${randomUUID()}@example.com`, password: 'secret-password' })
  for (let n = 0; n < files; n++) {
    const { error } = await media().upload(`${id}/${n === 0 ? 'deep/er/' : ''}secret-name-${n}.txt`, `content ${n}`)
    expect(error).toBeNull()
  }
  return id
}

async function filesOf(id: string): Promise<string[]> {
  const { data, error } = await media().listV2({ prefix: `${id}/` })
  expect(error).toBeNull()
  return (data?.objects ?? []).map(({ name }) => name)
}

/** A host's eraser, woken as the host wakes it. */
async function startEraser(options: Partial<MediaEraserOptions> = {}): Promise<AsyncDisposable> {
  const log = (facts: object, message: string): void => void logs.push(JSON.stringify([facts, message]))
  await using parts = new AsyncDisposableStack()
  const eraser = parts.use(
    createMediaEraser({
      supabaseUrl: stack.url,
      serviceKey: stack.secretKey,
      erasures: createErasureStore(database),
      logger: { info: log, warn: log },
      ...options,
    }),
  )
  parts.use(await database.listen(wakeChannel, (payload) => (payload === eraseMedia ? eraser.wake() : undefined)))
  return parts.move()
}

async function erase(id: string): Promise<void> {
  const { data, error } = await admin.rpc('erase_user', { p_user_id: id })
  expect(error).toBeNull()
  expect(data).toMatchObject({ done: true, media: { command: 'erase_media', prefix: `${id}/` } })
}

const report = (id: string, status: string): Promise<object[]> =>
  watch.until<Record<string, unknown>>(
    'select status, media_removed, attempts, finished_at is not null as finished from private.erasures where user_id = $1 order by id',
    [id],
    (rows) => rows[0]?.['status'] === status,
  )

/** A claim counts five minutes, and a report of failure makes it one. */
const attempted = (id: string): Promise<object[]> =>
  watch.until(
    `select from private.erasures where user_id = $1 and attempts = 1 and next_attempt_at < now() + interval '2 minutes'`,
    [id],
    (rows) => rows.length === 1,
  )

test('a host deletes every file of an erased user, reports how many, and touches nobody else’s', async () => {
  const [erased, other] = [await person(12), await person(3)]
  const others = await filesOf(other)
  await using _eraser = await startEraser({ pageSize: 5 }) // more than two pages
  await erase(erased)
  expect(await report(erased, 'done')).toEqual([{ status: 'done', media_removed: 12, attempts: 1, finished: true }])
  expect(await filesOf(erased)).toEqual([])
  expect(await filesOf(other)).toEqual(others)
  expect(others).toHaveLength(3)
  const { data } = await media().download(others[0] ?? '')
  expect(await data?.text()).toMatch(/^content/)
})

test('what was left while no host ran is done when one starts, also for somebody without files', async () => {
  const [erased, bare] = [await person(2), await person(0)]
  await erase(erased)
  await erase(bare)
  await using _eraser = await startEraser()
  expect(await report(erased, 'done')).toMatchObject([{ media_removed: 2 }])
  expect(await report(bare, 'done')).toMatchObject([{ media_removed: 0 }])
})

test('a Storage that refuses leaves the work to the next claim, and no name of a file in the log', async () => {
  const erased = await person(2)
  await erase(erased)
  {
    await using _refused = await startEraser({ serviceKey: stack.publishableKey.replace(/.$/, '~') })
    await attempted(erased)
  }
  expect(await report(erased, 'erase_media')).toMatchObject([{ media_removed: 0, attempts: 1, finished: false }])
  expect(await filesOf(erased)).toHaveLength(2)
  expect(logs.join('\n')).toContain('could not all be deleted')
  await watch.query('update private.erasures set next_attempt_at = now()')
  await using _eraser = await startEraser()
  expect(await report(erased, 'done')).toMatchObject([{ media_removed: 2, attempts: 2 }])
  expect(logs.join('\n')).not.toMatch(/secret-name|content/)
})

test('the files of an account that is deleted in Auth go, too: at once, and again when its last token has ended', async () => {
  const [deleted, other] = [await person(2), await person(1)]
  const { error } = await admin.auth.admin.deleteUser(deleted)
  expect(error).toBeNull()
  await using _eraser = await startEraser()
  expect(await report(deleted, 'done')).toMatchObject([
    { status: 'done', media_removed: 2 },
    { status: 'erase_media', media_removed: 0, attempts: 0 },
  ])
  expect(await filesOf(deleted)).toEqual([])
  expect(await filesOf(other)).toHaveLength(1)
  await media().upload(`${deleted}/late.txt`, 'came after')
  await watch.query('update private.erasures set next_attempt_at = now() where user_id = $1', [deleted])
  await watch.query(`select pg_notify('session_wake', 'erase_media')`)
  await watch.until(
    `select media_removed from private.erasures where user_id = $1 and status = 'done' order by id`,
    [deleted],
    (rows) => rows.length === 2 && rows[1]?.['media_removed'] === 1,
  )
})

test('two hosts at once delete every file once', async () => {
  const people = [await person(4), await person(4), await person(4)]
  await using _one = await startEraser()
  await using _two = await startEraser()
  await Promise.all(people.map(erase))
  for (const id of people) expect(await report(id, 'done')).toMatchObject([{ media_removed: 4, attempts: 1 }])
})

test('a prefix that is nobody’s is never used: nothing is listed, nothing deleted', async () => {
  const kept = await person(2)
  await watch.query(`insert into private.erasures (user_id, media_prefix, status) values ($1, $2, 'erase_media')`, [
    kept,
    `${'-'.repeat(36)}/`,
  ])
  {
    await using _eraser = await startEraser()
    await attempted(kept)
  }
  expect(await filesOf(kept)).toHaveLength(2)
  expect(logs.join('\n')).toContain('could not all be deleted')
})

test('the running host hears of an erasure and carries it out', async () => {
  await using gateway = await startGateway()
  const client = createClient(gateway.stack.url, gateway.stack.secretKey, { auth: { persistSession: false } })
  const { id } = await gateway.createMember()
  expect((await client.storage.from('media').upload(`${id}/a/b.txt`, 'x')).error).toBeNull()
  const { error } = await client.rpc('erase_user', { p_user_id: id })
  expect(error).toBeNull()
  await gateway.database.until(
    'select status, media_removed from private.erasures where user_id = $1',
    [id],
    (rows) => rows[0]?.['status'] === 'done' && rows[0]['media_removed'] === 1,
  )
  expect((await client.storage.from('media').list(`${id}/a`)).data).toEqual([])
})
