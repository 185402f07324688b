import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { en } from './catalogue-en.ts'
import { es } from './catalogue-es.ts'

/** Every sentence by its path; a function stands as its number of parts and what it says for one and for two. */
function sentences(value: unknown, path = ''): [string, string][] {
  if (typeof value === 'string') return [[path, value]]
  if (typeof value === 'function') {
    const say = value as (...parts: unknown[]) => string
    // The one sentence that takes its parts by name.
    const first = (n: number): unknown => (path === 'syncing' ? { percent: n, messages: n, chunks: n, stored: n } : n)
    return [1, 2].map((n) => [`${path}(${value.length}) ${n}`, say(first(n), `part-${n}`)])
  }
  return Object.entries(value as object).flatMap(([key, inner]) => sentences(inner, path ? `${path}.${key}` : key))
}

describe('the catalogues', () => {
  it('have the same keys, in Spanish and in English', () => {
    expect(sentences(en).map(([path]) => path)).toEqual(sentences(es).map(([path]) => path))
  })
  it('say something for every key', () => {
    const silent = [...sentences(es), ...sentences(en)].filter(([, sentence]) => sentence.trim() === '')
    expect(silent).toEqual([])
  })
  it('use every part that a sentence is given', () => {
    const calls = [...sentences(es), ...sentences(en)].filter(([path]) => /\(\d\) 2$/.test(path))
    expect(calls.filter(([, sentence]) => !sentence.includes('2'))).toEqual([])
  })
  it('call the reader tú in Spanish', () => {
    const formal = /\b(usted|vos|su (cuenta|teléfono)|tenés|podés)\b/i
    expect(sentences(es).filter(([, sentence]) => formal.test(sentence))).toEqual([])
  })
  it('have words for every notice that the host writes', () => {
    const written = ['whatsapp', 'store'].flatMap(noticeKindsIn)
    expect(written).toContain('group_created')
    expect(written.filter((kind) => !Object.hasOwn(es.notices, kind))).toEqual([])
  })
})

/** The kinds of notices in the sources of a room: where a notice is made, and all that begin with `group_`. */
function noticeKindsIn(room: string): string[] {
  const folder = join(import.meta.dirname, '../..', room)
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .flatMap((name) => {
      const source = readFileSync(join(folder, name), 'utf8')
      const made = source.matchAll(/notice:\s*\{\s*kind:\s*'(\w+)'/g)
      const group = name === 'group-notices.ts' ? source.matchAll(/[?:] '(group_\w+)'/g) : []
      return [...made, ...group].flatMap(([, kind]) => (kind === undefined ? [] : [kind]))
    })
}
