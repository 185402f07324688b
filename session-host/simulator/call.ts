import type { Connection } from './connection.ts'
import { enqueue } from './delivery-queue.ts'
import { jidOf, otherForm } from './jid.ts'
import { child, children, stanza, type Stanza } from './stanza.ts'
import type { Addressing, Person } from './state.ts'
import { count, findPerson, messageId, recordUnhandled, seconds, type World } from './world.ts'

/**
 * A person calls: the companions of the other hear it ring (`<call><offer>`, read by Baileys `handleCall`). There is no sound behind it.
 * Somebody who is blocked is not put through.
 */
export function offerCall(
  world: World,
  person: Person,
  to: Person,
  call: { video: boolean; addressed?: Addressing | undefined; id?: string | undefined },
): { id: string; at: number } {
  const id = call.id ?? messageId(world)
  const media = [
    stanza('audio', { enc: 'opus', rate: 16_000 }),
    ...(call.video ? [stanza('video', { enc: 'vp8' })] : []),
  ]
  ring(world, person, to, stanza('offer', attributesOf(person, id, call.addressed), media), call.addressed)
  world.events.publish('call.offered', person.number, { with: to.number, call: id, video: call.video })
  return { id, at: seconds() }
}

/** It stops ringing: nobody answered (`timeout`), the caller hung up (`terminate`), or the other's phone took it (`accept`). */
export function hangUp(
  world: World,
  person: Person,
  to: Person,
  call: { id: string; reason: 'timeout' | 'terminate' | 'accept'; addressed?: Addressing | undefined },
): void {
  const { id, reason, addressed } = call
  const tag = reason === 'accept' ? 'accept' : 'terminate'
  const attributes = { ...attributesOf(person, id, addressed), reason: reason === 'timeout' ? 'timeout' : undefined }
  ring(world, person, to, stanza(tag, attributes), addressed)
  world.events.publish('call.ended', person.number, { with: to.number, call: id, reason })
}

/** A companion answers a call: only a refusal makes sense for one without sound. The caller hears of it. */
export function acceptCall(world: World, connection: Connection, node: Stanza): void {
  const person = connection.login?.person
  const [answer] = children(node)
  const reject = child(node, 'reject')
  connection.send(stanza('ack', { class: 'call', id: node.attrs.id, from: node.attrs.to, type: answer?.tag }))
  const caller = findPerson(world, node.attrs.to ?? '')
  if (!person || !reject || !caller) {
    recordUnhandled(world, connection, node)
    return
  }
  count(world, 'calls_rejected')
  world.events.publish('call.rejected', caller.number, { with: person.number, call: reject.attrs['call-id'] })
}

function ring(world: World, person: Person, to: Person, content: Stanza, addressed: Addressing = 'lid'): void {
  const attributes = { from: jidOf(person, addressed), t: seconds() }
  for (const device of to.devices)
    enqueue(world, to, device, stanza('call', { ...attributes, id: messageId(world) }, [content]))
}

function attributesOf(person: Person, id: string, addressed: Addressing = 'lid') {
  return {
    'call-id': id,
    'call-creator': jidOf(person, addressed),
    caller_pn: addressed === 'lid' ? otherForm(person, 'lid') : undefined,
  }
}
