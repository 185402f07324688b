import { expect, test } from 'vitest'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test('magic numbers behave as their number says', async () => {
  await using world = await createWorldOfTwo('magic')
  const { companion, control, me } = world
  const jid = (suffix: string) => `120255501${suffix}@s.whatsapp.net`
  const send = async (suffix: string): Promise<string> =>
    (await companion.socket.sendMessage(jid(suffix), { text: `hola ${suffix}` }))?.key.id ?? ''
  const has = (text: string) => companion.until(text, () => companion.texts().includes(text))
  const ackOf = (id: string) => companion.stanzas.find((each) => each.tag === 'ack' && each.attrs.id === id)
  expect((await companion.socket.onWhatsApp('+12025550101'))?.filter((each) => each.exists)).toEqual([])
  const echoed = await send('00')
  await has('hola 00')
  await companion.until('read', () => companion.status(echoed) === 4)
  const refused = await send('08')
  await companion.until('refusal', () => ackOf(refused)?.attrs.error === '463')
  const unacknowledged = await send('09')
  const never = await send('02')
  await companion.until('ack', () => ackOf(never) !== undefined)
  expect(ackOf(unacknowledged)).toBeUndefined()
  await send('12')
  await has('ahora sí')
  await send('11')
  await has('primero')
  expect(companion.texts().indexOf('segundo')).toBeLessThan(companion.texts().indexOf('primero'))
  await send('13')
  await companion.when('edited and deleted', (event) =>
    event.type === 'messages.update' ? event.data.find((each) => each.update.messageStubType === 1) : undefined,
  )
  await send('14')
  await has('x'.repeat(65_000))
  expect(companion.status(never)).toBeLessThan(3)
  await send('15')
  await control.until(async () => {
    const { devices } = await control.get<{ devices: unknown[] }>(`/phones/${me.number}`)
    return devices.length === 0 ? true : undefined
  })
})
