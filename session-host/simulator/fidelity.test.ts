import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const folder = import.meta.dirname
const readme = readFileSync(join(folder, 'README.md'), 'utf8')
const lines = readme.split('\n')
const head = lines.indexOf('| stanza | the real server, as far as known | here | test |')
const rows = lines
  .slice(
    head + 2,
    lines.findIndex((line, at) => at > head && !line.startsWith('|')),
  )
  .map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
const named = rows.flatMap((cells) => (cells.at(-1) ?? '').split(', ')).filter((name) => name !== '–')

test('the fidelity table has four full columns, and each test that it names exists and holds tests', () => {
  expect(rows.length).toBeGreaterThan(20)
  for (const cells of rows) expect(cells.filter((cell) => cell !== '')).toHaveLength(4)
  const missing = named.filter((name) => !existsSync(join(folder, name)))
  expect(missing).toEqual([])
  for (const name of new Set(named))
    expect(readFileSync(join(folder, name), 'utf8')).toMatch(/\btest(\.\w+\([^)]*\))?\(/)
})

test('every test of the simulator that shows a stanza is named in the table', () => {
  // These are about the control API, its faults, its load and its state, not about a stanza.
  const others = ['control-api', 'control-trigger', 'faults', 'fidelity', 'load', 'magic-numbers', 'restart']
  const unnamed = readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts') && !others.includes(name.replace('.test.ts', '')))
    .filter((name) => !named.includes(name))
  expect(unnamed).toEqual([])
})
