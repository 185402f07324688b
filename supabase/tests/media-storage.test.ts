import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestStack } from '../local/create-test-stack.ts'
import { connect } from '../local/postgres/bootstrap-database.ts'
import type { ServedDatabase } from '../local/serve-database.ts'

const folder = join(import.meta.dirname, '..', 'migrations')
const file = readdirSync(folder).find((name) => name.endsWith('_media_storage.sql')) ?? ''
const migration = readFileSync(join(folder, file), 'utf8')

let stack: ServedDatabase
let admin: Awaited<ReturnType<typeof connect>>
beforeAll(async () => {
  stack = await createTestStack()
  admin = await connect(stack.adminDatabaseUrl)
})
afterAll(async () => {
  await admin[Symbol.asyncDispose]()
  await stack[Symbol.asyncDispose]()
})

interface Policy {
  policyname: string
  tablename: string
  cmd: string
  roles: string[]
  condition: string
}
const policies = async (): Promise<Policy[]> =>
  (
    await admin.client.query<Policy>(
      `select policyname, tablename, cmd, roles::text[], concat_ws(' and ', qual, with_check) as condition from pg_policies
         where schemaname = 'storage' order by policyname`,
    )
  ).rows

test('Storage has one policy a verb, for users, in their own folder of the media alone, asked once a statement', async () => {
  const found = await policies()
  expect(found.map(({ cmd }) => cmd).toSorted()).toEqual(['DELETE', 'INSERT', 'SELECT', 'UPDATE'])
  for (const { policyname, tablename, roles, condition } of found) {
    expect(policyname).toMatch(/^users can [a-z ]+ in their own folder$|^users can add media to their own folder$/)
    expect([tablename, roles]).toEqual(['objects', ['authenticated']])
    expect(condition).toMatch(/bucket_id = 'media'/)
    expect(condition).toContain('(storage.foldername(name))[1] = (( SELECT auth.uid() AS uid))::text')
    expect(condition.replaceAll('( SELECT auth.uid() AS uid)', '')).not.toMatch(/auth\.| OR /i)
  }
})

test('the migration of media changes nothing the second time, and keeps the bucket private', async () => {
  const before = await policies()
  await admin.client.query(`update storage.buckets set public = true where id = 'media'`)
  await admin.client.query(migration)
  expect(await policies()).toEqual(before)
  const { rows } = await admin.client.query('select id, public, file_size_limit::int from storage.buckets')
  expect(rows).toEqual([{ id: 'media', public: false, file_size_limit: 104_857_600 }])
})

test('the migration of media applies where there is no Storage', async () => {
  await admin.client.query('begin')
  await admin.client.query('drop schema storage cascade')
  await admin.client.query(migration)
  await admin.client.query('rollback')
  expect(await policies()).toHaveLength(4)
})
