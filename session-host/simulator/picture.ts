import { createHash } from 'node:crypto'
import { jidOf } from './jid.ts'
import { acquaintances, notify } from './notify.ts'
import { stanza } from './stanza.ts'
import type { Person } from './state.ts'
import type { World } from './world.ts'

/** Changes (or removes) a person's picture and tells the companions of everybody who knows them (`<notification type="picture">`). */
export function setPicture(world: World, person: Person, picture: Buffer | undefined): void {
  if (picture) person.picture = picture
  else delete person.picture
  world.changed()
  const change = picture ? stanza('set', { id: pictureId(picture) }) : stanza('delete')
  for (const other of acquaintances(world, person)) {
    notify(world, other, { from: jidOf(person, 'lid'), type: 'picture' }, [change])
  }
}

/** A number that is another one for another picture. */
export function pictureId(picture: Uint8Array): number {
  return createHash('sha256').update(picture).digest().readUInt32BE(0)
}

export function pictureType(picture: Buffer): 'image/png' | 'image/jpeg' {
  return picture.toString('latin1', 1, 4) === 'PNG' ? 'image/png' : 'image/jpeg'
}
