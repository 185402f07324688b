import { expect, test } from 'vitest'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test('reactions, polls with votes, timers, edits, deletions and calls reach the companion as it knows them', async () => {
  await using world = await createWorldOfTwo('content')
  const { companion, control, me, friend } = world
  const from = `/phones/${friend.number}`
  const to = me.number
  const kinds = (): string[] => companion.messages().flatMap((each) => Object.keys(each.message ?? {}))
  const protocol = (type: number): boolean =>
    companion.messages().some((each) => each.message?.protocolMessage?.type === type)
  const { id } = await control.post<{ id: string }>(`${from}/say`, { to, text: 'hola' })
  await companion.until('text', () => companion.texts().includes('hola'))
  await control.post(`${from}/react`, { to, id, emoji: '👍' })
  await companion.when('reaction', (event) =>
    event.type === 'messages.reaction' ? event.data[0]?.reaction.text : undefined,
  )
  const poll = await control.post<{ id: string }>(`${from}/poll`, { to, name: '¿Cuándo?', options: ['hoy', 'mañana'] })
  await companion.until('poll', () => kinds().some((kind) => kind.startsWith('pollCreationMessage')))
  await control.post(`${from}/vote`, { to, id: poll.id, options: ['hoy'] })
  await companion.until('vote', () => kinds().includes('pollUpdateMessage'))
  await control.post(`${from}/timer`, { to, seconds: 86_400 })
  await companion.until('timer', () => protocol(3))
  await control.post(`${from}/edit`, { to, id, text: 'hola a todos' })
  await companion.until('edit', () => protocol(14))
  await control.post(`${from}/revoke`, { to, id })
  await companion.until('deletion', () => protocol(0))
  const call = await control.post<{ id: string }>(`${from}/call`, { to })
  await control.post(`${from}/hang_up`, { to, id: call.id, reason: 'timeout' })
  const calls = (): string[] =>
    companion.events.flatMap((event) => (event.type === 'call' ? event.data.map((each) => each.status) : []))
  await companion.until('call', () => calls().includes('timeout'))
  expect(calls()).toEqual(['offer', 'timeout'])
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
