import type { Group, GroupMember, Person } from './state.ts'
import { findPerson, type World } from './world.ts'

export function isGroupJid(jid: string | undefined): boolean {
  return jid?.endsWith('@g.us') ?? false
}

export function groupJid(group: Group): string {
  return `${group.id}@g.us`
}

export function groupByJid(world: World, jid: string): Group | undefined {
  return world.state.groups?.find((each) => each.id === jid || groupJid(each) === jid)
}

export function memberOf(group: Group, person: Person): GroupMember | undefined {
  return group.members.find((each) => each.number === person.number)
}

export function groupByInvite(world: World, code: string): Group | undefined {
  return world.state.groups?.find((each) => each.invite !== undefined && each.invite === code)
}

/** The members that have an account. */
export function membersOf(world: World, group: Group): Person[] {
  return group.members.map((each) => findPerson(world, each.number)).filter((each) => each !== undefined)
}

export function groupsOf(world: World, person: Person): Group[] {
  return (world.state.groups ?? []).filter((each) => memberOf(each, person))
}
