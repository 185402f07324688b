import { ControlError } from './control-error.ts'
import { announceNumber } from './group-admin.ts'
import { groupsOf } from './group.ts'
import { jidOf } from './jid.ts'
import { acquaintances, notify } from './notify.ts'
import { createPerson, unusedNumber } from './person.ts'
import { stanza } from './stanza.ts'
import type { Person, PhoneStanza } from './state.ts'
import { findPerson, type World } from './world.ts'

/**
 * A person takes another number and keeps account, LID and chats. The companions of who knows them hear of it
 * (`<notification type="contacts"><modify old new/>`), and so do those in common groups.
 */
export function changeNumber(world: World, person: Person, number: string): void {
  if (findPerson(world, number)) throw new ControlError(409, 'number_taken', 'Somebody has this number.')
  const before = { number: person.number, lid: person.lid }
  renumber(world, person, number)
  const modify = stanza('modify', {
    old: jidOf(before, 'pn'),
    new: jidOf(person, 'pn'),
    old_lid: jidOf(before, 'lid'),
    new_lid: jidOf(person, 'lid'),
  })
  for (const other of acquaintances(world, person)) {
    if (other !== person) notify(world, other, { from: jidOf(before, 'pn'), type: 'contacts' }, [modify])
  }
  for (const group of groupsOf(world, person)) announceNumber(world, group, person)
  world.events.publish('number.changed', person.number, { before: before.number })
}

/**
 * A number goes to somebody else: another account with a LID of its own. Who had it keeps LID and chats and goes on under an unused number.
 * Nobody is told, as nobody is when an operator hands a number out again.
 */
export function recycleNumber(world: World, person: Person, next: { name?: string; lid?: string }): Person {
  const { number } = person
  renumber(world, person, unusedNumber(world))
  world.events.publish('number.changed', person.number, { before: number })
  return createPerson(world, { ...next, number })
}

/** Other people know persons by their numbers. */
function renumber(world: World, person: Person, number: string): void {
  const before = person.number
  person.number = number
  const renamed = (each: string): string => (each === before ? number : each)
  for (const other of world.state.people) {
    for (const contact of other.contacts) contact.number = renamed(contact.number)
    for (const chat of other.chats) chat.with = renamed(chat.with)
    other.waiting = other.waiting.map((item) => moved(item, renamed))
    // Addresses of Signal sessions begin with their owner's number.
    if (other !== person) continue
    other.sessions = Object.fromEntries(
      Object.entries(other.sessions).map(([address, record]) => [
        address.startsWith(`${before}>`) ? `${number}${address.slice(before.length)}` : address,
        record,
      ]),
    )
  }
  for (const group of world.state.groups ?? []) {
    for (const member of group.members) member.number = renamed(member.number)
    group.creator = renamed(group.creator)
  }
  world.changed()
}

function moved(item: PhoneStanza, renamed: (number: string) => string): PhoneStanza {
  if (item.kind === 'status') return { ...item, by: renamed(item.by) }
  if (item.kind === 'plain' || item.kind === 'group') return { ...item, from: renamed(item.from) }
  return { ...item, from: renamed(item.from), chat: renamed(item.chat) }
}
