import { enqueue } from './delivery-queue.ts'
import { stanza, type Attributes, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { messageId, seconds, type World } from './world.ts'

/** Sends a notification to every companion of a person (but one); it stays queued until they have answered it. */
export function notify(world: World, person: Person, attributes: Attributes, content: Stanza[], except?: Device): void {
  for (const device of person.devices) {
    if (device === except) continue
    const common = { id: messageId(world), t: seconds() }
    enqueue(world, person, device, stanza('notification', { ...common, ...attributes }, content))
  }
}

/** Everybody who has the person in a chat or in the contacts, and the person. */
export function acquaintances(world: World, person: Person): Person[] {
  return world.state.people.filter(
    (other) =>
      other === person ||
      other.chats.some((chat) => chat.with === person.number) ||
      other.contacts.some((contact) => contact.number === person.number),
  )
}
