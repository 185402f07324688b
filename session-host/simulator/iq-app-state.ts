import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Connection } from './connection.ts'
import { enqueue } from './delivery-queue.ts'
import { replyIq } from './iq-reply.ts'
import { SERVER, bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { messageId, seconds, type World } from './world.ts'

/**
 * `xmlns=w:sync:app:state`: settings shared by an account's devices, as encrypted patches that the server cannot read. It keeps what the
 * companions upload, hands out what is newer than the asked version, and tells the other companions. The phone itself adds nothing.
 */
export function answerAppState(world: World, connection: Connection, query: Stanza): boolean {
  const { login } = connection
  const sync = child(query, 'sync')
  if (!login || !sync) return false
  const collections = children(sync, 'collection').map((collection) =>
    one(world, login.person, login.device, collection),
  )
  replyIq(connection, query, [stanza('sync', {}, collections)])
  return true
}

function one(world: World, person: Person, device: Device, asked: Stanza): Stanza {
  const name = asked.attrs.name ?? ''
  const known = Number(asked.attrs.version ?? 0)
  const collection = (person.appState[name] ??= { version: 0, patches: [] })
  const newer = collection.patches.filter((patch) => patch.version > known)
  const upload = bytesOf(child(asked, 'patch'))
  if (upload && newer.length > 0) {
    const error = stanza('error', { code: 409, text: 'conflict' })
    return stanza('collection', { name, version: collection.version, type: 'error' }, [error, patches(newer)])
  }
  if (upload) {
    collection.version++
    const patch = proto.SyncdPatch.decode(upload)
    patch.version = proto.SyncdVersion.create({ version: collection.version })
    collection.patches.push({
      version: collection.version,
      bytes: Buffer.from(proto.SyncdPatch.encode(patch).finish()),
    })
    world.changed()
    tellOthers(world, person, device, name, collection.version)
  }
  const attributes = { name, version: collection.version, has_more_patches: 'false' }
  return stanza('collection', attributes, upload || newer.length === 0 ? undefined : [patches(newer)])
}

function patches(list: { bytes: Buffer }[]): Stanza {
  return stanza(
    'patches',
    {},
    list.map((patch) => stanza('patch', {}, patch.bytes)),
  )
}

function tellOthers(world: World, person: Person, device: Device, name: string, version: number): void {
  for (const other of person.devices) {
    if (other === device) continue
    const attributes = { from: SERVER, type: 'server_sync', id: messageId(world), t: seconds() }
    enqueue(world, person, other, stanza('notification', attributes, [stanza('collection', { name, version })]))
  }
}
