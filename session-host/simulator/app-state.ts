import { createHmac } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { decodeSyncdPatch, encodeSyncdPatch } from '@whiskeysockets/baileys/lib/Utils/chat-utils.js'
import { expandAppStateKeys } from 'whatsapp-rust-bridge'
import { applyAction } from './app-state-actions.ts'
import { notify } from './notify.ts'
import { SERVER, stanza } from './stanza.ts'
import type { Device, Person, StateCollection } from './state.ts'
import type { CollectionName, StateMutation } from './state-mutation.ts'
import type { World } from './world.ts'

/** The phone changes a setting: a new patch with its MACs, and the companions are told to fetch it. */
export async function changeSetting(world: World, person: Person, mutation: StateMutation): Promise<number> {
  return world.serial(`app-state ${person.number}`, async () => {
    const collection = collectionOf(person, mutation.collection)
    await catchUp(person, mutation.collection)
    const { patch, state } = await encodeSyncdPatch(
      {
        type: mutation.collection,
        index: mutation.index,
        syncAction: mutation.value,
        apiVersion: mutation.apiVersion,
        operation: proto.SyncdMutation.SyncdOperation.SET,
      },
      person.appStateKey.id.toString('base64'),
      stateOf(collection),
      () => Promise.resolve(keyOf(person)),
    )
    patch.version = { version: state.version }
    keep(collection, patch, state)
    world.changed()
    tellCompanions(world, person, mutation.collection, collection.version)
    return collection.version
  })
}

/**
 * A companion's patch: its MACs are checked as another client would, then it counts and the phone takes over what it says.
 * @throws when a MAC is wrong
 */
export async function acceptPatch(
  world: World,
  person: Person,
  device: Device,
  name: string,
  bytes: Buffer,
): Promise<number> {
  const collection = collectionOf(person, name)
  await catchUp(person, name)
  const patch = proto.SyncdPatch.decode(bytes)
  patch.version = proto.SyncdVersion.create({ version: collection.version + 1 })
  const mutations: { index: string[]; value: proto.ISyncActionValue }[] = []
  const before = stateOf(collection)
  const after = await decodeSyncdPatch(
    patch,
    name as CollectionName,
    before,
    () => Promise.resolve(keyOf(person)),
    ({ index, syncAction }) => mutations.push({ index: index as string[], value: syncAction.value ?? {} }),
    true,
  )
  const version = collection.version + 1
  if (!snapshotMac(person, name, version, after.hash).equals(patch.snapshotMac ?? Buffer.alloc(0))) {
    throw new Error('app state: the snapshot MAC of a patch is wrong')
  }
  keep(collection, patch, { ...after, version })
  for (const { index, value } of mutations) applyAction(world, person, index, value)
  world.changed()
  tellCompanions(world, person, name, version, device)
  return version
}

/** A collection as one blob, with its MAC: what a client that begins from nothing is given. */
export function snapshotOf(person: Person, name: string): Uint8Array {
  const collection = collectionOf(person, name)
  const records = Object.values(collection.records ?? {}).map((bytes) => proto.SyncdRecord.decode(bytes))
  return proto.SyncdSnapshot.encode({
    version: { version: collection.version },
    records,
    mac: snapshotMac(person, name, collection.version, hashOf(collection)),
    keyId: { id: person.appStateKey.id },
  }).finish()
}

export function collectionOf(person: Person, name: string): StateCollection {
  return (person.appState[name] ??= { version: 0, patches: [] })
}

/** A state that was saved by a simulator that kept only the patches gets its hash from them. */
async function catchUp(person: Person, name: string): Promise<void> {
  const collection = collectionOf(person, name)
  if (collection.version === 0 || collection.hash) return
  const kept = collection.patches
  Object.assign(collection, { version: 0, patches: [] })
  for (const { version, bytes } of kept) {
    const patch = proto.SyncdPatch.decode(bytes)
    const key = (): Promise<proto.Message.IAppStateSyncKeyData> => Promise.resolve(keyOf(person))
    const after = await decodeSyncdPatch(
      patch,
      name as CollectionName,
      stateOf(collection),
      key,
      () => undefined,
      false,
    )
    keep(collection, patch, { ...after, version })
  }
}

function stateOf(collection: StateCollection) {
  return { version: collection.version, hash: hashOf(collection), indexValueMap: collection.values ?? {} }
}

function keep(
  collection: StateCollection,
  patch: proto.ISyncdPatch,
  state: { version: number; hash: Buffer; indexValueMap: Record<string, { valueMac: Uint8Array }> },
): void {
  collection.version = state.version
  collection.hash = Buffer.from(state.hash)
  collection.values = Object.fromEntries(
    Object.entries(state.indexValueMap).map(([index, { valueMac }]) => [index, { valueMac: Buffer.from(valueMac) }]),
  )
  collection.records ??= {}
  for (const { operation, record } of patch.mutations ?? []) {
    const index = Buffer.from(record?.index?.blob ?? []).toString('base64')
    if (operation === proto.SyncdMutation.SyncdOperation.REMOVE) delete collection.records[index]
    else if (record) collection.records[index] = Buffer.from(proto.SyncdRecord.encode(record).finish())
  }
  collection.patches.push({ version: state.version, bytes: Buffer.from(proto.SyncdPatch.encode(patch).finish()) })
}

/** HMAC-SHA256 of the hash, the version (8 bytes, big-endian) and the name. */
function snapshotMac(person: Person, name: string, version: number, hash: Uint8Array): Buffer {
  const number = Buffer.alloc(8)
  number.writeUInt32BE(version, 4)
  const { snapshotMacKey } = expandAppStateKeys(person.appStateKey.data)
  return createHmac('sha256', snapshotMacKey).update(hash).update(number).update(name).digest()
}

function hashOf(collection: StateCollection): Buffer {
  return collection.hash ?? Buffer.alloc(128)
}

function keyOf(person: Person): proto.Message.IAppStateSyncKeyData {
  return { keyData: person.appStateKey.data }
}

function tellCompanions(world: World, person: Person, name: string, version: number, except?: Device): void {
  notify(world, person, { from: SERVER, type: 'server_sync' }, [stanza('collection', { name, version })], except)
}
