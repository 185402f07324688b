import { describe, expect, it } from 'vitest'
import { dayKey, dayLabel, shortMoment, timeOf } from './dates.ts'

const now = new Date(2026, 10, 24, 0, 30)

describe('days and times', () => {
  it('speak of calendar days, not of 24 hours', () => {
    expect(dayLabel(new Date(2026, 10, 24, 0, 1), now, 'es')).toBe('Hoy')
    expect(dayLabel(new Date(2026, 10, 23, 23, 59), now, 'es')).toBe('Ayer')
    expect(dayLabel(new Date(2026, 10, 23, 0, 0), now, 'en')).toBe('Yesterday')
  })
  it('name the weekday for a week, then the date, with its year when it is another one', () => {
    expect(dayLabel(new Date(2026, 10, 18, 12), now, 'es')).toBe('Miércoles')
    expect(dayLabel(new Date(2026, 10, 17, 12), now, 'es')).toBe('17 de noviembre')
    expect(dayLabel(new Date(2025, 10, 17, 12), now, 'en')).toBe('November 17, 2025')
  })
  it('are 24-hour and short in the list', () => {
    expect(timeOf(new Date(2026, 10, 24, 17, 5), 'en')).toBe('17:05')
    expect(shortMoment(new Date(2026, 10, 24, 0, 5), now, 'es')).toBe('00:05')
    expect(shortMoment(new Date(2026, 9, 1, 9), now, 'es')).toBe('01/10/26')
  })
  it('keep the same day over a change of the clocks', () => {
    expect(dayKey(new Date(2026, 9, 25, 1))).toBe(dayKey(new Date(2026, 9, 25, 23)))
  })
  it('show a clock that runs ahead as today', () => {
    expect(shortMoment(new Date(2026, 10, 24, 0, 45), now, 'es')).toBe('00:45')
  })
})
