import { expect, test } from 'vitest'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test.for(['lid', 'pn'] as const)(
  'a text reaches the companion, addressed by %s, and its receipt raises the status',
  async (as) => {
    await using world = await createWorldOfTwo(`in-${as}`)
    const { control, companion, me, friend, friendJid } = world
    const sent = await control.post<{ id: string }>(`/phones/${friend.number}/say`, {
      to: me.number,
      text: '¿Hola?',
      as,
    })
    const message = await companion.when('upsert', (event) =>
      event.type === 'messages.upsert' ? event.data.messages.find((each) => each.key.id === sent.id) : undefined,
    )
    expect(message.key).toMatchObject({
      remoteJid: friendJid[as],
      remoteJidAlt: as === 'lid' ? friendJid.pn : friendJid.lid,
      fromMe: false,
    })
    expect(message.message?.conversation).toBe('¿Hola?')
    expect(message.pushName).toBe('Lucía')
    const delivered = await world.whenShown(friend.number, me.number, (each) => each.status === 'delivered')
    expect(delivered).toMatchObject({ id: sent.id, copies: 1, from_me: true, addressed: as })
    expect(await world.shown(me.number, friend.number)).toMatchObject([{ id: sent.id, text: '¿Hola?', from_me: false }])
    expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
  },
)

test.for(['lid', 'pn'] as const)(
  'a text of the companion to a %s is decrypted by both phones, acknowledged, delivered and read',
  async (as) => {
    await using world = await createWorldOfTwo(`out-${as}`)
    const { control, companion, me, friend, friendJid } = world
    const sent = await companion.socket.sendMessage(friendJid[as], { text: 'Buenos días' })
    const id = sent?.key.id ?? ''
    const arrived = await world.whenShown(friend.number, me.number, (each) => each.id === id)
    expect(arrived).toMatchObject({ text: 'Buenos días', from_me: false, via: 'companion:1', addressed: as, copies: 1 })
    expect(await world.whenShown(me.number, friend.number, (each) => each.id === id)).toMatchObject({
      from_me: true,
      via: 'companion:1',
    })
    await companion.until('ack', () =>
      companion.stanzas.some((each) => each.tag === 'ack' && each.attrs.class === 'message' && each.attrs.id === id),
    )
    await companion.until('delivered', () => companion.status(id) === 3)
    await control.post(`/phones/${friend.number}/read`, { with: me.number })
    await companion.until('read', () => companion.status(id) === 4)
    const receipts = companion.stanzas.filter((each) => each.tag === 'receipt' && each.attrs.id === id)
    expect(receipts.map((each) => [each.attrs.from, each.attrs.type])).toEqual([
      [friendJid[as], undefined],
      [friendJid[as], 'read'],
    ])
    expect(await world.whenShown(me.number, friend.number, (each) => each.status === 'read')).toMatchObject({ id })
    expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
  },
)
