import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import { variableNames } from '../config.ts'
import { generateTypes } from './generate-types.ts'

const root = join(import.meta.dirname, '..', '..')
const read = (name: string): string => readFileSync(join(root, name), 'utf8')

test('shared/database.ts is what the migrated schema generates', async () => {
  await using stack = await createTestStack()
  expect(read('shared/database.ts')).toBe(await generateTypes(stack.adminDatabaseUrl))
})

test('the README names every setting, and no other', () => {
  const table = /\| variable \|[\s\S]*?\n\n/.exec(read('README.md'))?.[0] ?? ''
  const named = [...table.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name ?? '')
  expect(named.toSorted()).toEqual(variableNames.toSorted())
})

test('the README names every npm script that exists, and no other', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const documented = [...read('README.md').matchAll(/npm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map(([, name]) => name ?? '')
  const known = new Set([...Object.keys(scripts), 'ci'])
  expect(documented.filter((word) => word !== 'with' && !known.has(word))).toEqual([])
  const internal = new Set(['prestart', 'format', 'console'])
  const forUsers = Object.keys(scripts).filter((name) => !internal.has(name))
  expect(forUsers.filter((name) => !documented.includes(name))).toEqual([])
})

test('the first steps are the same in both languages', () => {
  const commands = (text: string): string[] =>
    [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => (block ?? '').replaceAll(/ *#.*$/gm, '').trim())
  const english = commands(read('README.md'))
  const spanish = commands(read('README.es.md'))
  expect(spanish[0]).toBe(english[0])
  expect(spanish[0]).toBe('npm ci && npm run dev')
  for (const block of english) expect(spanish).toContain(block)
})

test('every test that the README links to exists, and every row of what people send has one', () => {
  const table = /\| kind \| in \| out \|\n\|[-|]+\|\n([\s\S]*?)\n\n/.exec(read('README.md'))?.[1] ?? ''
  const rows = table
    .split('\n')
    .map((row) => [...row.matchAll(/\]\(([^)]+\.test\.ts)\)/g)].map(([, path]) => path ?? ''))
  expect(rows.length).toBeGreaterThan(15)
  expect(rows.filter((links) => links.length === 0)).toEqual([])
  expect(rows.flat().filter((path) => !existsSync(join(root, path)))).toEqual([])
})

test("the continuous integration runs the README's test command and the check", () => {
  const script = read('.ci/run')
  for (const command of ['npm ci', 'npm test', 'npm run check']) expect(script).toContain(command)
})
