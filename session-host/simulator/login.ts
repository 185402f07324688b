import type { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Connection } from './connection.ts'
import { sendBacklog } from './delivery-queue.ts'
import { sendHistory } from './history.ts'
import { jidOf } from './jid.ts'
import type { ClientFinish } from './noise.ts'
import { SERVER, stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { connectionOf, findPerson, seconds, type World } from './world.ts'

/** Whether the client wants to log in as a linked device, rather than to be linked. */
export function isLogin(payload: proto.ClientPayload): boolean {
  return Number(payload.username ?? 0) > 0
}

/**
 * Logs a companion in: its Noise static key must be the one it was linked with. An older connection of the same device is told
 * `conflict replaced` and closed. Who is unknown gets `<failure reason="401"/>`.
 */
export function logIn(world: World, connection: Connection, { clientStatic, payload }: ClientFinish): void {
  const number = String(payload.username)
  const person = findPerson(world, number)
  const planned = world.loginFailures.get(number)
  if (planned) {
    if (planned.times <= 1) world.loginFailures.delete(number)
    else world.loginFailures.set(number, { ...planned, times: planned.times - 1 })
    refuse(connection, planned.reason)
    return
  }
  const device = person?.devices.find((each) => each.id === payload.device)
  if (!person || !device?.noise.equals(clientStatic)) {
    refuse(connection, 401)
    return
  }
  const older = connectionOf(world, person, device)
  if (older) {
    older.send(stanza('stream:error', {}, [stanza('conflict', { type: 'replaced' })]))
    older.end()
  }
  connection.login = { person, device }
  const attributes = {
    t: seconds(),
    props: 27,
    companion_enc_static: 'simulator',
    location: 'sim',
    lid: jidOf(person, 'lid', device.id),
  }
  connection.send(stanza('success', attributes))
  world.events.publish('phone.online', person.number, { device: device.id })
}

/** `<active/>`: the companion wants its stanzas. Backlog first, then, once in its life, the history. */
export function activate(world: World, connection: Connection): void {
  if (!connection.login || connection.active) return
  const { person, device } = connection.login
  connection.active = true
  const routing = stanza('routing_info', {}, Buffer.from([8, 13, 8, 5]))
  connection.send(stanza('ib', { from: SERVER }, [stanza('edge_routing', {}, [routing])]))
  sendBacklog(world, person, device, connection)
  giveHistory(world, person, device)
}

/** The phone hands over its history, when it can and has not yet. */
export function giveHistory(world: World, person: Person, device: Device): void {
  if (device.historySent || person.airplane || !connectionOf(world, person, device)?.active) return
  void sendHistory(world, person, device).catch((error: unknown) => world.report(error))
}

/** `<failure>`: no login, for this reason. */
export function refuse(connection: Connection, reason: number): void {
  connection.send(stanza('failure', { reason, location: 'sim' }))
  connection.end()
}
