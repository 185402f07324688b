import type { Context } from 'hono'
import { ControlError } from './control-error.ts'
import type { Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** The phone that the path names. */
export function phone(world: World, c: Context): Person {
  const person = findPerson(world, c.req.param('number') ?? '')
  if (!person)
    throw new ControlError(404, 'unknown_phone', 'There is no phone with this number. Make one with POST /phones.')
  return person
}

/** The person whom a body names by number or JID. */
export function personNamed(world: World, numberOrJid: string): Person {
  const person = findPerson(world, numberOrJid)
  if (!person) throw new ControlError(404, 'unknown_phone', `Nobody has the number or JID ${numberOrJid}.`)
  return person
}

/** The same, for what a phone cannot do in airplane mode. */
export function reachablePhone(world: World, c: Context): Person {
  const person = phone(world, c)
  if (person.airplane) throw new ControlError(409, 'phone_offline', 'The phone is in airplane mode.')
  return person
}

/** The JSON body; an empty one counts as `{}`. */
export async function json(c: Context): Promise<unknown> {
  const text = await c.req.text()
  return text.trim() === '' ? {} : (JSON.parse(text) as unknown)
}
