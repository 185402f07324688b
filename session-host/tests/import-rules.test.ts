import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
let house: string

beforeEach(() => {
  house = mkdtempSync(join(tmpdir(), 'house-'))
  for (const file of ['.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, file), join(house, file))
  symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'))
  for (const room of ['shared', 'supabase', 'edge-functions', 'session-host']) mkdirSync(join(house, room))
  write('shared/ids.ts', 'export const id = 1\n')
})
afterEach(() => rmSync(house, { recursive: true, force: true }))

function write(path: string, text: string): void {
  mkdirSync(dirname(join(house, path)), { recursive: true })
  writeFileSync(join(house, path), text)
}

function check(): { status: number | null; output: string } {
  const run = spawnSync(
    join(root, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.mjs', 'shared', 'supabase', 'edge-functions', 'session-host'],
    { cwd: house, encoding: 'utf8' },
  )
  return { status: run.status, output: run.stdout + run.stderr }
}

test('rooms that keep to their doors pass, and are really looked at', () => {
  write(
    'session-host/store/a.ts',
    "import pg from 'pg'\nimport { id } from '#shared/ids.ts'\nexport const a = [pg, id]\n",
  )
  const { status, output } = check()
  expect(output).toContain('no dependency violations found')
  expect(Number(/\((\d+) modules/.exec(output)?.[1])).toBeGreaterThan(1)
  expect(status).toBe(0)
})

const planted: Record<string, [path: string, text: string, rule: string]> = {
  'the contract using Node': [
    'shared/a.ts',
    "import { readFileSync } from 'node:fs'\nexport const a = readFileSync\n",
    'shared-imports',
  ],
  'the front door reaching for SQL': [
    'edge-functions/a.ts',
    "import pg from 'pg'\nexport const a = pg\n",
    'edge-functions-imports',
  ],
  'a type of Baileys outside its room': [
    'session-host/sessions/a.ts',
    "import type { WAMessage } from '@whiskeysockets/baileys'\nexport type A = WAMessage\n",
    'only-whatsapp-knows-baileys',
  ],
  'the simulator knowing the product': [
    'session-host/simulator/a.ts',
    "import { id } from '../../shared/ids.ts'\nexport const a = id\n",
    'simulator-imports',
  ],
  'somebody else composing': [
    'session-host/realtime/a.ts',
    "import { host } from '../host.ts'\nexport const a = host\n",
    'only-host-composes',
  ],
  'an import of nothing': ['shared/b.ts', "import { a } from './gone.ts'\nexport const b = a\n", 'no-unresolvable'],
  'a cycle': ['shared/c.ts', "import { d } from './d.ts'\nexport const c = (): unknown => d\n", 'no-cycles'],
}

test('every planted violation is caught', () => {
  write('session-host/host.ts', 'export const host = 1\n')
  write('shared/d.ts', "import { c } from './c.ts'\nexport const d = (): unknown => c\n")
  for (const [path, text] of Object.values(planted)) write(path, text)
  const { status, output } = check()
  for (const [what, [path, , rule]] of Object.entries(planted))
    expect(output, what).toMatch(new RegExp(`${rule}: .*${path.replaceAll('.', '\\.')}`))
  expect(status).not.toBe(0)
})
