import { describe, expect, it } from 'vitest'
import { fileSize } from './file-size.ts'

describe('fileSize', () => {
  it('names a size in the unit that people read', () => {
    expect(fileSize(1, 'es')).toBe('1 byte')
    expect(fileSize(999, 'es')).toBe('999 bytes')
    expect(fileSize(1_500, 'en')).toBe('2 kB')
    expect(fileSize(2_450_000, 'es')).toMatch(/^2,5\sMB$/)
    expect(fileSize(2_000_000_000_000, 'en')).toBe('2,000 GB')
  })
})
