import type { Connection } from './connection.ts'
import { jidOf, parseJid } from './jid.ts'
import { children, stanza, type Attributes, type Stanza } from './stanza.ts'
import type { Addressing, Person } from './state.ts'
import { connectionOf, findPerson, seconds, type World } from './world.ts'

export type Typing = 'composing' | 'recording' | 'paused'

/** `<presence>` and `<chatstate>` of a companion: passed on to those who are there; never queued. */
export function acceptPresence(world: World, connection: Connection, node: Stanza): void {
  const { login } = connection
  if (!login) return
  const to = parseJid(node.attrs.to)
  const other = to && findPerson(world, node.attrs.to ?? '')
  if (node.tag === 'presence' && node.attrs.type === 'subscribe') {
    if (to && other) subscribe(world, connection, other, to.addressed)
    return
  }
  if (node.tag === 'presence' && !to) {
    tellSubscribers(world, login.person, { type: node.attrs.type === 'unavailable' ? 'unavailable' : 'available' })
    return
  }
  if (!to || !other) return
  const state = children(node)[0]
  if (state) typed(world, login.person, other, to.addressed, state)
}

/** A phone comes online or goes offline, for those who have subscribed to it; `last` in seconds. */
export function showPresence(world: World, person: Person, type: 'available' | 'unavailable', last?: number): void {
  tellSubscribers(world, person, type === 'available' ? { type } : { type, last: last ?? seconds() })
}

/** Somebody types on the phone (`<chatstate>`, never queued). */
export function showTyping(world: World, person: Person, other: Person, addressed: Addressing, typing: Typing): void {
  const recording = typing === 'recording'
  typed(world, person, other, addressed, stanza(recording ? 'composing' : typing, recording ? { media: 'audio' } : {}))
}

function subscribe(world: World, connection: Connection, other: Person, addressed: Addressing): void {
  const known = world.subscriptions.get(connection) ?? new Map<Person, Addressing>()
  world.subscriptions.set(connection, known.set(other, addressed))
  const attributes = { from: jidOf(other, addressed), type: other.airplane ? 'unavailable' : 'available' }
  connection.send(stanza('presence', attributes))
}

function tellSubscribers(world: World, person: Person, attributes: Attributes): void {
  for (const [connection, subscribed] of world.subscriptions) {
    const addressed = subscribed.get(person)
    if (addressed) connection.send(stanza('presence', { from: jidOf(person, addressed), ...attributes }))
  }
  world.events.publish('presence.changed', person.number, { state: String(attributes.type) })
}

function typed(world: World, person: Person, other: Person, addressed: Addressing, state: Stanza): void {
  for (const device of other.devices) {
    const target = connectionOf(world, other, device)
    if (target?.active) target.send(stanza('chatstate', { from: jidOf(person, addressed) }, [state]))
  }
  const typing = state.attrs.media === 'audio' ? 'recording' : state.tag
  world.events.publish('presence.changed', person.number, { with: other.number, state: typing })
}
