import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test, vi } from 'vitest'
import { silenceLibsignal } from './silence-libsignal.ts'

const folder = mkdtempSync(join(tmpdir(), 'silence-'))
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
  vi.restoreAllMocks()
})

test('what libsignal prints is dropped, what others print passes, and it can be undone', async () => {
  mkdirSync(join(folder, 'libsignal'), { recursive: true })
  const file = join(folder, 'libsignal', 'session.mjs')
  writeFileSync(file, `export const print = (key) => console.info('Closing session:', { privKey: key })\n`)
  const { print } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { print: (key: string) => void }
  const heard: unknown[][] = []
  vi.spyOn(console, 'info').mockImplementation((...values: unknown[]) => void heard.push(values))
  const undo = silenceLibsignal()
  print('secret')
  globalThis.console.info('a line of ours')
  undo()
  expect(heard).toEqual([['a line of ours']])
  print('not silenced')
  expect(heard).toHaveLength(2)
})
