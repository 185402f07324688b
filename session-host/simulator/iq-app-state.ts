import { acceptPatch, collectionOf } from './app-state.ts'
import type { Connection } from './connection.ts'
import { replyIq } from './iq-reply.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Device, Person, StateCollection } from './state.ts'
import type { World } from './world.ts'

/**
 * `xmlns=w:sync:app:state`: settings shared by an account's devices, as encrypted patches. Companions upload theirs and ask for what is newer than
 * their version. The real server cannot read them; here the phone, which has the key, checks the MACs of what comes before it counts.
 */
export function answerAppState(world: World, connection: Connection, query: Stanza): boolean {
  const { login } = connection
  const sync = child(query, 'sync')
  if (!login || !sync) return false
  void world
    .serial(`app-state ${login.person.number}`, async () => {
      const collections: Stanza[] = []
      for (const asked of children(sync, 'collection')) {
        collections.push(await one(world, login.person, login.device, asked))
      }
      replyIq(connection, query, [stanza('sync', {}, collections)])
    })
    .catch((error: unknown) => world.report(error))
  return true
}

async function one(world: World, person: Person, device: Device, asked: Stanza): Promise<Stanza> {
  const name = asked.attrs.name ?? ''
  const known = Number(asked.attrs.version ?? 0)
  const collection = collectionOf(person, name)
  const newer = collection.patches.filter((patch) => patch.version > known)
  const upload = bytesOf(child(asked, 'patch'))
  if (upload && newer.length > 0) return refused(name, collection, 409, 'conflict', [patches(newer)])
  if (upload) {
    try {
      await acceptPatch(world, person, device, name, upload)
    } catch (error) {
      world.report(error)
      return refused(name, collection, 400, 'bad-request', [])
    }
  }
  const attributes = { name, version: collection.version, has_more_patches: 'false' }
  return stanza('collection', attributes, upload || newer.length === 0 ? undefined : [patches(newer)])
}

function refused(name: string, collection: StateCollection, code: number, text: string, rest: Stanza[]): Stanza {
  const attributes = { name, version: collection.version, type: 'error' }
  return stanza('collection', attributes, [stanza('error', { code, text }), ...rest])
}

function patches(list: { bytes: Buffer }[]): Stanza {
  return stanza(
    'patches',
    {},
    list.map((patch) => stanza('patch', {}, patch.bytes)),
  )
}
