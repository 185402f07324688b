import type { Language } from './language.tsx'

/** `17:05`: 24 hours in both languages. */
export function timeOf(at: Date, language: Language): string {
  return at.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
}

/** The calendar day of a moment in the reader's time zone, e.g. `2026-11-24`: equal for messages of one day. */
export function dayKey(at: Date): string {
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`
}

/** `Hoy`, `Ayer`, the weekday within the last week, else the date. */
export function dayLabel(at: Date, now: Date, language: Language): string {
  const days = daysBetween(at, now)
  if (days === 0 || days === 1)
    return capital(new Intl.RelativeTimeFormat(language, { numeric: 'auto' }).format(-days, 'day'), language)
  if (days > 1 && days < 7) return capital(at.toLocaleDateString(language, { weekday: 'long' }), language)
  const year = at.getFullYear() === now.getFullYear() ? {} : ({ year: 'numeric' } as const)
  return at.toLocaleDateString(language, { day: 'numeric', month: 'long', ...year })
}

/** For the list of chats: the time today, `Ayer`, the weekday, or a short date. */
export function shortMoment(at: Date, now: Date, language: Language): string {
  const days = daysBetween(at, now)
  if (days <= 0) return timeOf(at, language)
  if (days < 7) return dayLabel(at, now, language)
  return at.toLocaleDateString(language, { day: '2-digit', month: '2-digit', year: '2-digit' })
}

/** Calendar days from one moment's day to the other's, whatever the hour and daylight saving. */
function daysBetween(from: Date, to: Date): number {
  const midnight = (at: Date): number => Date.UTC(at.getFullYear(), at.getMonth(), at.getDate())
  return Math.round((midnight(to) - midnight(from)) / 86_400_000)
}

function capital(text: string, language: Language): string {
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1)
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
