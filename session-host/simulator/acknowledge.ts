import type { Connection } from './connection.ts'
import { stanza, type Stanza } from './stanza.ts'
import type { Person } from './state.ts'
import { seconds, type World } from './world.ts'

/** The server's answer to a companion's message, with an error code when it was refused. */
export function acknowledge(world: World, connection: Connection, message: Stanza, error?: number): void {
  const { id, to } = message.attrs
  const node = stanza('ack', { class: 'message', id, from: to, t: seconds(), error })
  const held = connection.login && world.heldBack.get(connection.login.person.number)
  if (held && error === undefined) held.acknowledgements.push(() => connection.send(node))
  else connection.send(node)
}

/** The server's answer to a receipt of a companion. */
export function acknowledgeReceipt(connection: Connection, receipt: Stanza): void {
  const { id, to, type, participant } = receipt.attrs
  connection.send(stanza('ack', { class: 'receipt', id, from: to, type, participant }))
}

/** Runs what must not overtake this number's acknowledgements: now, or when the fault that holds them back is over. */
export function afterAcknowledgement(world: World, person: Person, task: () => void): void {
  const held = world.heldBack.get(person.number)
  if (held) held.confirmations.push(task)
  else task()
}

/** Begins or ends holding back the acknowledgements of a number; at the end they go out, then what waited for them. */
export function holdAcknowledgements(world: World, number: string, on: boolean): void {
  const held = world.heldBack.get(number)
  if (on) {
    world.heldBack.set(number, held ?? { acknowledgements: [], confirmations: [] })
    return
  }
  world.heldBack.delete(number)
  for (const task of [...(held?.acknowledgements ?? []), ...(held?.confirmations ?? [])]) task()
}
