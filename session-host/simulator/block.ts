import { jidOf, parseJid } from './jid.ts'
import { notify } from './notify.ts'
import { SERVER, stanza } from './stanza.ts'
import type { Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** Blocks or unblocks somebody and tells the account's companions (`account_sync`, as Baileys reads it: one `<item>` per change). */
export function setBlocked(world: World, person: Person, jid: string, on: boolean): void {
  person.blocked = person.blocked.filter((each) => each !== jid)
  if (on) person.blocked.push(jid)
  world.changed()
  const item = stanza('item', { jid, action: on ? 'block' : 'unblock' })
  notify(world, person, { from: SERVER, type: 'account_sync' }, [stanza('blocklist', { action: 'modify' }, [item])])
  world.events.publish('block.changed', person.number, { with: findPerson(world, jid)?.number ?? jid, on })
}

/** Whether `person` gets nothing from `other`. */
export function hasBlocked(person: Person, other: Person): boolean {
  return person.blocked.some((jid) => {
    const parsed = parseJid(jid)
    return parsed !== undefined && jidOf(other, parsed.addressed) === jid
  })
}
