import type { Connection } from './connection.ts'
import { parseJid } from './jid.ts'
import { stanza, type Stanza } from './stanza.ts'
import type { Device, Person, QueuedStanza } from './state.ts'
import { connectionOf, type World } from './world.ts'

/** Sends a stanza to a companion, now or when it is there; it stays queued until the device answers it. */
export function enqueue(world: World, person: Person, device: Device, node: Stanza): void {
  const entry: QueuedStanza = { stanza: node, sent: 0 }
  device.queue.push(entry)
  world.changed()
  const connection = connectionOf(world, person, device)
  if (connection?.active) put(world, person, connection, entry)
}

/**
 * What the server sends when a companion has come online: how much is waiting, the stanzas themselves marked `offline`, and the end mark
 * that releases the client's event buffer (Baileys `CB:ib,,offline`).
 */
export function sendBacklog(world: World, person: Person, device: Device, connection: Connection): void {
  const backlog = [...device.queue]
  const amount = (tag: string): number => backlog.filter((each) => each.stanza.tag === tag).length
  const preview = {
    count: backlog.length,
    message: amount('message'),
    receipt: amount('receipt'),
    notification: amount('notification'),
    appdata: 0,
  }
  connection.send(stanza('ib', { from: '@s.whatsapp.net' }, [stanza('offline_preview', preview)]))
  for (const [index, entry] of backlog.entries()) put(world, person, connection, entry, index)
  connection.send(stanza('ib', { from: '@s.whatsapp.net' }, [stanza('offline', { count: backlog.length })]))
}

/** Takes the stanza that a receipt or ack answers out of the queue; undefined when it is not there (any more). */
export function settle(
  world: World,
  device: Device,
  answered: { tag: string; id: string; with?: string },
): Stanza | undefined {
  const index = device.queue.findIndex(({ stanza: node, sent }) => {
    if (sent === 0 || node.tag !== answered.tag || node.attrs.id !== answered.id) return false
    return answered.with === undefined || sameUser(node.attrs.recipient ?? node.attrs.from, answered.with)
  })
  if (index < 0) return undefined
  const [entry] = device.queue.splice(index, 1)
  world.changed()
  return entry?.stanza
}

function put(world: World, person: Person, connection: Connection, entry: QueuedStanza, offline?: number): void {
  entry.sent++
  const attrs = offline === undefined ? entry.stanza.attrs : { ...entry.stanza.attrs, offline: String(offline) }
  const node = { ...entry.stanza, attrs }
  if (node.tag === 'message') putMessage(world, person, connection, node)
  else connection.send(node)
}

/** Message stanzas are where faults of the wire act. */
function putMessage(world: World, person: Person, connection: Connection, node: Stanza): void {
  const { number } = person
  const go = (): void => {
    connection.send(node)
    if (world.faults.get('duplicate_stanzas', number)) connection.send(node)
    if (world.faults.take('drop_at', number, 'after_delivery')) connection.destroy()
  }
  const delayed = world.faults.get('delay_stanzas', number)
  if (delayed) world.later(delayed.delay_ms ?? 1000, go)
  else if (!world.faults.get('reorder_stanzas', number)) go()
  else {
    const waiting = world.overtaken.get(connection)
    world.overtaken.delete(connection)
    if (!waiting) world.overtaken.set(connection, go)
    else {
      go()
      waiting()
    }
  }
}

function sameUser(one: string | undefined, other: string): boolean {
  if (one === other) return true
  const left = parseJid(one)
  return left !== undefined && left.user === parseJid(other)?.user
}
