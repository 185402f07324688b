import type { Connection } from './connection.ts'
import { announceDevices } from './device-notice.ts'
import { replyIq } from './iq-reply.ts'
import { parseJid } from './jid.ts'
import { child, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { connectionOf, type World } from './world.ts'

/** Removes a companion: it hears `device_removed` and is not let in again. */
export function unlink(world: World, person: Person, device: Device, by: 'phone' | 'device'): void {
  const connection = connectionOf(world, person, device)
  person.devices = person.devices.filter((each) => each !== device)
  for (const other of world.state.people) {
    const suffix = `>${person.lid}.${device.id}`
    for (const address of Object.keys(other.sessions)) if (address.endsWith(suffix)) delete other.sessions[address]
  }
  world.changed()
  announceDevices(world, person, 'remove', [device])
  world.events.publish('device.unlinked', person.number, { device: device.id, by })
  if (!connection) return
  connection.send(stanza('stream:error', { code: 401 }, [stanza('conflict', { type: 'device_removed' })]))
  connection.end()
}

/** `remove-companion-device`: a companion logs out (itself, or another one of the account). */
export function answerRemoval(world: World, connection: Connection, query: Stanza): boolean {
  const { login } = connection
  const removal = child(query, 'remove-companion-device')
  if (!login || !removal) return false
  const wanted = parseJid(removal.attrs.jid)?.device ?? login.device.id
  const device = login.person.devices.find((each) => each.id === wanted)
  replyIq(connection, query)
  if (device) unlink(world, login.person, device, 'device')
  return true
}
