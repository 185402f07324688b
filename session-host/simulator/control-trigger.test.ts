import { expect, test } from 'vitest'
import { closeCode } from './testing/companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test('triggers make things happen by name', async () => {
  await using world = await createWorldOfTwo('trigger')
  const { companion, control, me } = world
  const trigger = (name: string, body: object = {}) =>
    control.post<{ done: object[] }>(`/trigger/${me.number}/${name}`, body)
  await trigger('message.received', { text: 'llega' })
  await companion.until('text', () => companion.texts().includes('llega'))
  await trigger('message.revoked', { text: 'se va' })
  await companion.when('deleted', (event) =>
    event.type === 'messages.update' ? event.data.find((each) => each.update.messageStubType === 1) : undefined,
  )
  await trigger('message.undecryptable', { text: 'a la segunda' })
  await companion.until('text', () => companion.texts().includes('a la segunda'))
  const from = companion.events.length
  await trigger('server.unavailable')
  expect(await companion.when('close', closeCode, from)).toBe(503)
  expect((await control.request('POST', `/trigger/${me.number}/nonsense`)).body.error?.code).toBe('unknown_trigger')
})
