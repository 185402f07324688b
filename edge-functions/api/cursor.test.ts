import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PublicError } from '#shared/errors.ts'
import { belongsTo, readCursor, writeCursor } from './cursor.ts'

const id = '7c9e6679-7425-40de-944b-e07fc1f90ae7'
const refused = expect.objectContaining({ code: 'invalid_cursor', param: 'cursor' })

describe('cursor', () => {
  it('keeps the place to the microsecond in a text that needs no escaping in a URL', async () => {
    for (const position of [
      { at: '2026-11-24T02:15:15.123456+00:00', key: id },
      { at: '2026-11-24 02:15:15.99+00', key: '41' },
      { at: '2026-11-24T02:15:15Z', key: '900719925474099100' },
    ]) {
      const text = await writeCursor(['messages', id], position)
      expect(text).toMatch(/^[\w-]+$/)
      expect(readCursor(text, 'cursor')).toMatchObject(position)
    }
  })

  it('belongs to the list it was written for and to no other', async () => {
    const filter = ['conversations', id, 'José Ñandú 💬', 'false']
    const cursor = readCursor(await writeCursor(filter, { at: '2026-11-24T02:15:15Z', key: id }), 'cursor')
    expect(await belongsTo(cursor, [...filter])).toBe(true)
    for (const other of [
      ['conversations', id, 'José', 'false'],
      ['conversations', id, 'José Ñandú 💬', 'true'],
      ['messages', id],
    ])
      expect(await belongsTo(cursor, other)).toBe(false)
  })

  it('stays under the length that a request may carry, however long the search is', async () => {
    const text = await writeCursor(['conversations', id, '💬'.repeat(200), 'false'], {
      at: '2026-11-24T02:15:15.123456+00:00',
      key: id,
    })
    expect(text.length).toBeLessThan(256)
  })

  it('refuses every text that it has not written', () => {
    const forged = [
      ['x', '2026-11-24T02:15:15Z'],
      ['x', '2026-13-24T02:15:15Z', id],
      ['x', "'; drop table messages_new; --", id],
      ['x', '2026-11-24T02:15:15Z', '1 or true'],
      ['x', '2026-11-24T02:15:15Z', 41],
      [null, '2026-11-24T02:15:15Z', id],
      { at: '2026-11-24T02:15:15Z' },
    ].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'))
    for (const text of ['', ' ', 'null', '!!!', 'eyJ', '=', ...forged])
      expect(() => readCursor(text, 'cursor')).toThrow(refused)
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(() => readCursor(text, 'cursor')).toThrow(PublicError)
      }),
    )
  })
})
