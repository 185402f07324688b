import { groupByJid, isGroupJid } from './group.ts'
import { seededKeyPair, sign, signalPublicKey } from './key-pair.ts'
import type { Contact, Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** Gives a number an account: a phone with its keys, no contacts, no chats, no companions. */
export function createPerson(world: World, wanted: { number?: string; name?: string; lid?: string }): Person {
  const { random } = world
  const identity = seededKeyPair(random)
  const signedPair = seededKeyPair(random)
  const person: Person = {
    number: wanted.number ?? unusedNumber(world),
    name: wanted.name ?? NAMES[random.below(NAMES.length)] ?? 'Ana',
    lid: wanted.lid ?? freeLid(world),
    identity,
    registrationId: 1 + random.below(16_380),
    signedPreKey: { id: 1, pair: signedPair, signature: sign(identity.private, signalPublicKey(signedPair.public)) },
    preKeys: [],
    nextPreKeyId: 1,
    sessions: {},
    appStateKey: { id: random.bytes(6), data: random.bytes(32) },
    appState: {},
    contacts: [],
    chats: [],
    nextMessage: 1,
    devices: [],
    lastDevice: 0,
    airplane: false,
    waiting: [],
    retries: {},
    earlyStatus: {},
    blocked: [],
    privacy: { ...DEFAULT_PRIVACY },
    about: '',
  }
  world.state.people.push(person)
  world.changed()
  world.events.publish('phone.created', person.number)
  return person
}

/** Puts somebody into a phone's contacts (or changes the entry), giving the number an account when it has none. */
export function addContact(
  world: World,
  person: Person,
  wanted: { number: string; name: string; lid?: string; pushName?: string; saved?: boolean },
): Contact {
  const existing = findPerson(world, wanted.number)
  const other =
    existing ??
    createPerson(world, {
      number: wanted.number,
      name: wanted.pushName ?? wanted.name,
      ...(wanted.lid !== undefined && { lid: wanted.lid }),
    })
  const contact: Contact = { number: other.number, name: wanted.name, saved: wanted.saved ?? true }
  person.contacts = [...person.contacts.filter((each) => each.number !== other.number), contact]
  world.changed()
  return contact
}

/** How this phone shows the other person. */
export function nameOf(world: World, person: Person, other: string): string {
  if (isGroupJid(other)) return groupByJid(world, other)?.subject ?? other
  const contact = person.contacts.find((each) => each.number === other && each.saved)
  return contact?.name ?? findPerson(world, other)?.name ?? other
}

/** 1 202 555 0200 upwards: fictional, and outside the block 0100–0199 that examples use. */
export function unusedNumber(world: World): string {
  for (;;) {
    const number = `1202555${String(world.state.nextNumber++).padStart(4, '0')}`
    if (!findPerson(world, number)) return number
  }
}

export const NAMES: readonly string[] = [
  'María Núñez',
  'José Ángel Peña',
  'Lucía Gómez',
  'Íñigo Ibáñez',
  'Begoña Muñoz',
  'Ramón Güell',
  'Sofía Ordóñez',
  'Andrés Cañizares',
  'Inés Larrañaga',
  'Óscar Yáñez',
]

const DEFAULT_PRIVACY = {
  last: 'all',
  online: 'all',
  profile: 'all',
  status: 'all',
  readreceipts: 'all',
  groupadd: 'all',
  calladd: 'all',
  messages: 'all',
} as const

function freeLid(world: World): string {
  for (;;) {
    const lid = String(100_000_000_000_000 + world.random.below(899_999_999_999_999))
    if (!world.state.people.some((each) => each.lid === lid)) return lid
  }
}
