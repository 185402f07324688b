import { describe, expect, it } from 'vitest'
import { parseIdempotencyKey } from './idempotency-key.ts'

describe('Idempotency-Key', () => {
  it('is the same key quoted and bare', () => {
    expect(parseIdempotencyKey('"8e03978e-40d5-43dd-bc93-6894a57f9324"')).toBe('8e03978e-40d5-43dd-bc93-6894a57f9324')
    expect(parseIdempotencyKey('8e03978e-40d5-43dd-bc93-6894a57f9324')).toBe('8e03978e-40d5-43dd-bc93-6894a57f9324')
    expect(parseIdempotencyKey(' "a" ')).toBe('a')
  })

  it('unescapes what the quoted form escapes', () => {
    expect(parseIdempotencyKey(String.raw`"a\"b\\c"`)).toBe(String.raw`a"b\c`)
  })

  it('may be left out', () => {
    expect(parseIdempotencyKey(undefined)).toBeNull()
  })

  it('has at most 255 characters', () => {
    expect(parseIdempotencyKey('k'.repeat(255))).toHaveLength(255)
    expect(parseIdempotencyKey(`"${'k'.repeat(255)}"`)).toHaveLength(255)
  })

  it('refuses an empty, too long, half-quoted or non-ASCII one', () => {
    for (const bad of [
      '',
      ' ',
      '""',
      'k'.repeat(256),
      `"${'k'.repeat(256)}"`,
      '"a',
      String.raw`"a\b"`,
      '"a"b"',
      'ñ',
      '"ñ"',
      '"a"; b',
    ])
      expect(() => parseIdempotencyKey(bad)).toThrow(
        expect.objectContaining({ code: 'invalid_request', param: 'Idempotency-Key' }),
      )
  })
})
