import type { Connection } from './connection.ts'
import { jidOf, parseJid } from './jid.ts'
import { stanza, type Stanza } from './stanza.ts'
import { connectionOf, findPerson, type World } from './world.ts'

/** `<presence>` and `<chatstate>` of a companion: passed on to the companions of the other one, if they are there; never queued. */
export function acceptPresence(world: World, connection: Connection, node: Stanza): void {
  const { login } = connection
  const to = parseJid(node.attrs.to)
  if (!login || !to) return
  const other = findPerson(world, node.attrs.to ?? '')
  if (node.tag === 'presence' && node.attrs.type === 'subscribe') {
    if (other)
      connection.send(
        stanza('presence', { from: jidOf(other, to.addressed), type: other.airplane ? 'unavailable' : 'available' }),
      )
    return
  }
  const from = jidOf(login.person, to.addressed)
  const passed = { ...node, attrs: { ...(node.attrs.type && { type: node.attrs.type }), from } }
  for (const device of other?.devices ?? []) {
    const target = other && connectionOf(world, other, device)
    if (target?.active) target.send(passed)
  }
}
