import type { Connection } from './connection.ts'
import {
  changeMembers,
  createGroup,
  groupStanza,
  setDescription,
  setSubject,
  type MemberAction,
} from './group-admin.ts'
import { groupByJid, groupsOf, memberOf } from './group.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** `xmlns=w:g2`: the account's groups, one group's metadata, and what members change. Others' groups are 404. */
export function answerGroups(world: World, connection: Connection, query: Stanza): boolean {
  const person = connection.login?.person
  if (!person) return false
  if (query.attrs.to === '@g.us' || query.attrs.to === 'g.us') return answerAll(world, connection, person, query)
  const group = groupByJid(world, query.attrs.to ?? '')
  if (!group || !memberOf(group, person)) {
    failIq(connection, query, 404, 'item-not-found')
    return true
  }
  if (query.attrs.type === 'get') {
    if (!child(query, 'query')) return false
    replyIq(connection, query, [groupStanza(world, group)])
    return true
  }
  const [change] = children(query)
  if (change && ACTIONS.has(change.tag)) {
    const people = peopleOf(world, change).filter((each) => change.tag === 'add' || memberOf(group, each))
    changeMembers(world, group, person, change.tag as MemberAction, people)
    const results = children(change, 'participant').map(({ attrs }) =>
      stanza('participant', { jid: attrs.jid, error: findPerson(world, attrs.jid ?? '') ? undefined : 404 }),
    )
    replyIq(connection, query, [stanza(change.tag, {}, results)])
  } else if (change?.tag === 'subject') {
    setSubject(world, group, person, bytesOf(change)?.toString('utf8') ?? '')
    replyIq(connection, query)
  } else if (change?.tag === 'description') {
    setDescription(world, group, person, bytesOf(child(change, 'body'))?.toString('utf8') ?? '')
    replyIq(connection, query)
  } else return false
  return true
}

const ACTIONS: ReadonlySet<string> = new Set(['add', 'remove', 'promote', 'demote'])

function answerAll(world: World, connection: Connection, person: Person, query: Stanza): boolean {
  const create = child(query, 'create')
  const leave = child(query, 'leave')
  if (child(query, 'participating')) {
    const groups = groupsOf(world, person).map((each) => groupStanza(world, each))
    replyIq(connection, query, [stanza('groups', {}, groups)])
  } else if (create) {
    const members = peopleOf(world, create).map((each) => ({ person: each, role: 'member' as const }))
    const group = createGroup(world, person, { subject: create.attrs.subject ?? '', members, addressed: 'lid' })
    replyIq(connection, query, [groupStanza(world, group)])
  } else if (leave) {
    const groups = children(leave, 'group').map((each) => groupByJid(world, each.attrs.id ?? ''))
    for (const group of groups) {
      if (group && memberOf(group, person)) changeMembers(world, group, person, 'leave', [person])
    }
    const results = children(leave, 'group').map(({ attrs }) => stanza('group', { id: attrs.id }))
    replyIq(connection, query, [stanza('leave', {}, results)])
  } else return false
  return true
}

function peopleOf(world: World, node: Stanza): Person[] {
  return children(node, 'participant')
    .map((each) => findPerson(world, each.attrs.jid ?? ''))
    .filter((each) => each !== undefined)
}
