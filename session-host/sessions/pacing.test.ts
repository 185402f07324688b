import { expect, test } from 'vitest'
import { createPacing, type PacingRules } from './pacing.ts'

/** Departures of what is submitted at once, in ms from then: who has to wait asks again when its time has come. */
function departures(
  rules: Partial<PacingRules>,
  messages: { to: string; isFirstContact?: boolean }[],
  random = () => 0.5,
) {
  let clock = 1_000_000
  const pacing = createPacing(
    { intervalMs: 0, firstContactMs: 0, recipientPerMinute: 0, ...rules },
    random,
    () => clock,
  )
  const waiting = messages.map(({ to, isFirstContact = false }, at) => ({
    message: { id: String(at), to, isFirstContact },
    due: clock,
  }))
  const left: [string, number][] = []
  while (waiting.length > 0) {
    const [next] = waiting.toSorted((a, b) => a.due - b.due)
    if (!next) break
    clock = Math.max(clock, next.due)
    const wait = pacing.turn(next.message)
    if (wait > 0) next.due = clock + wait
    else {
      left.push([next.message.id, Math.round(clock - 1_000_000)])
      waiting.splice(waiting.indexOf(next), 1)
    }
  }
  return left
}

const to = (...names: string[]) => names.map((name) => ({ to: name }))

test('without rules everything leaves at once', () => {
  expect(departures({}, to('a', 'a', 'b')).map(([, at]) => at)).toEqual([0, 0, 0])
})

test('the first of a burst leaves at once, the others one after another, with jittered pauses', () => {
  const times = departures({ intervalMs: 1_000 }, to('a', 'b', 'c', 'd')).map(([, at]) => at)
  expect(times).toEqual([0, 1_000, 2_000, 3_000])
  const values = [0, 0.99, 0.25]
  const jittered = departures({ intervalMs: 1_000 }, to('a', 'b', 'c', 'd'), () => values.shift() ?? 0)
  expect(jittered.map(([, at]) => at)).toEqual([0, 500, 1_990, 2_740])
})

test('first contacts are further apart, and nobody else waits for them', () => {
  const left = departures({ intervalMs: 1_000, firstContactMs: 30_000 }, [
    { to: 'new 1', isFirstContact: true },
    { to: 'new 2', isFirstContact: true },
    { to: 'new 3', isFirstContact: true },
    { to: 'known' },
  ])
  expect(left).toEqual([
    ['0', 0],
    ['3', 1_000],
    ['1', 30_000],
    ['2', 60_000],
  ])
})

test('one recipient gets so many a minute; others go on', () => {
  const left = departures({ recipientPerMinute: 2 }, to('a', 'a', 'a', 'b', 'a', 'a'))
  expect(left.map(([id, at]) => `${id}@${at}`)).toEqual(['0@0', '1@0', '3@0', '2@60000', '4@60000', '5@120000'])
})
