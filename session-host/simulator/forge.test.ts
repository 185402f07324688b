import { expect, test } from 'vitest'
import { FORGERIES } from './forge.ts'
import { queueEmpty } from './testing/linked-companion.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo } from './testing/world-of-two.ts'

test('forged protocol messages reach the companion as ordinary messages of the contact', async () => {
  await using world = await createWorldOfTwo('forged')
  const { companion, control, me, friend, friendJid } = world
  const sent = await companion.socket.sendMessage(friendJid.lid, { text: 'mía' })
  await world.whenShown(friend.number, me.number, (each) => each.text === 'mía')
  const keyBefore = companion.auth.state.creds.myAppStateKeyId
  const histories = () => companion.events.filter((event) => event.type === 'messaging-history.set').length
  const before = histories()
  for (const kind of FORGERIES) {
    const { id } = await control.post<{ id: string }>(`/phones/${friend.number}/forge`, {
      kind,
      to: me.number,
      id: sent?.key.id,
      text: `forged ${kind}`,
    })
    await companion.until(kind, () =>
      companion.stanzas.some(
        (each) => each.tag === 'message' && each.attrs.id === id && each.attrs.from === friendJid.lid,
      ),
    )
  }
  await queueEmpty(control, me.number)
  await control.post(`/phones/${friend.number}/say`, { to: me.number, text: 'de verdad' })
  await companion.until('text', () => companion.texts().includes('de verdad'))
  // Baileys drops what only the own phone may send; revoke and edit it passes on with the key that they name, for the host to judge.
  expect(histories()).toBe(before)
  expect(companion.auth.state.creds.myAppStateKeyId).toBe(keyBefore)
  expect((await world.shown(me.number, friend.number)).map((each) => each.text)).toEqual(['mía', 'de verdad'])
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})
