import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { acceptPatch, collectionOf, snapshotOf } from './app-state.ts'
import type { Connection } from './connection.ts'
import { replyIq } from './iq-reply.ts'
import { storeMedia } from './media-store.ts'
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
  void overtake(world, login.person, sync)
    .then(() =>
      world.serial(`app-state ${login.person.number}`, async () => {
        const collections: Stanza[] = []
        for (const asked of children(sync, 'collection')) {
          collections.push(await one(world, login.person, login.device, asked))
        }
        replyIq(connection, query, [stanza('sync', {}, collections)])
      }),
    )
    .catch((error: unknown) => world.report(error))
  return true
}

/** What the phone was told to set just before an upload arrives: the upload is then behind. */
async function overtake(world: World, person: Person, sync: Stanza): Promise<void> {
  if (!children(sync, 'collection').some((asked) => child(asked, 'patch'))) return
  const change = world.beforeUpload.get(person.number)
  world.beforeUpload.delete(person.number)
  await change?.()
}

async function one(world: World, person: Person, device: Device, asked: Stanza): Promise<Stanza> {
  const name = asked.attrs.name ?? ''
  const known = Number(asked.attrs.version ?? 0)
  const collection = collectionOf(person, name)
  const newer = collection.patches.filter((patch) => patch.version > known)
  if (!child(asked, 'patch') && isBehind(collection, known, newer[0]?.version)) return snapshot(world, person, name)
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

/** Whether patches that the client lacks are no longer there. */
function isBehind(collection: StateCollection, known: number, next: number | undefined): boolean {
  return known < collection.version && next !== known + 1
}

/** The whole collection as an encrypted file (`<snapshot>` holds an ExternalBlobReference). */
function snapshot(world: World, person: Person, name: string): Stanza {
  const { fileLength, ...reference } = storeMedia(world, 'App State', snapshotOf(person, name))
  const blob = proto.ExternalBlobReference.encode({ ...reference, fileSizeBytes: fileLength }).finish()
  const attributes = { name, version: collectionOf(person, name).version, has_more_patches: 'false' }
  return stanza('collection', attributes, [stanza('snapshot', {}, blob)])
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
