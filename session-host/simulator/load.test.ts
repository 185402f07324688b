import { expect, test } from 'vitest'
import { loadOutcome } from './load-report.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

interface Report {
  id: string
  state: string
  messages: number
  confirmed: number
  receipt_ms: { p50: number; max: number } | null
  list?: { id: string; text: string; sequence: number; scheduled_at: number; sent_at: number; receipt_at: number }[]
}

test.for([true, false])(
  'a load (prepared: %s) reaches the companion complete, on schedule, and every receipt is counted',
  async (prepare) => {
    await using world = await createWorldOfTwo(`load-${prepare}`)
    const { companion, control, me } = world
    const plan = { accounts: [me.number], contacts: 4, messages: 60, rate: 200, two_way: 0.5, prepare, start: false }
    const { id } = await control.post<Report>('/load', plan)
    const report = () => control.get<Report>(`/load/${id}?messages`)
    await control.until(async () => ((await report()).state === 'ready' ? true : undefined))
    await control.post(`/load/${id}/start`)
    const done = await control.until(async () => {
      const now = await report()
      return now.state === 'finished' && now.confirmed === now.messages ? now : undefined
    })
    expect(done).toMatchObject({ messages: 60, sent: 60, openers: 2, conversations: 4 })
    const times = done.list?.filter((each) => each.sequence > 0) ?? []
    expect(times.map((each) => each.scheduled_at - (times[0]?.scheduled_at ?? 0))).toEqual(
      times.map((_, index) => expect.closeTo(index * 5, 1)),
    )
    expect(times.every((each) => each.scheduled_at <= each.sent_at && each.sent_at <= each.receipt_at)).toBe(true)
    await companion.until('all texts', () => companion.texts().length >= 62)
    expect(await control.post(`/load/${id}/outcome`, { texts: companion.texts() })).toEqual({
      sent: 62,
      received: 62,
      lost: 0,
      doubled: 0,
      reordered: 0,
      unknown: 0,
    })
    const types = new Map<string, number>()
    for (const { tag, content } of companion.stanzas) {
      if (tag !== 'message' || !Array.isArray(content)) continue
      const type = (content as { attrs: { type: string } }[])[0]?.attrs.type ?? ''
      types.set(type, (types.get(type) ?? 0) + 1)
    }
    expect(types.get('msg')).toBe(30)
  },
)

test('what is lost, doubled, out of order or foreign is counted', () => {
  const sent = [1, 2, 3, 4].map((sequence) => ({ text: `l/a/c/${sequence}`, account: 'a', contact: 'c', sequence }))
  expect(loadOutcome(sent, ['l/a/c/2', 'l/a/c/1', 'l/a/c/1', 'l/a/c/4', 'hola'])).toEqual({
    sent: 4,
    received: 5,
    lost: 1,
    doubled: 1,
    reordered: 1,
    unknown: 1,
  })
})
