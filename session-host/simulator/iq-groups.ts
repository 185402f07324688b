import type { Connection } from './connection.ts'
import {
  changeMembers,
  createGroup,
  groupStanza,
  inviteCode,
  newInviteCode,
  setDescription,
  setGroupSettings,
  setSubject,
  type GroupSettings,
  type MemberAction,
} from './group-admin.ts'
import { groupByInvite, groupByJid, groupJid, groupsOf, memberOf } from './group.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { jidOf } from './jid.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Group, Person } from './state.ts'
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
  const [change] = children(query)
  if (!change) return false
  if (!mayDo(group, person, query.attrs.type, change.tag)) {
    // Metadata is everybody's; what is an admin's is refused in these words.
    if (change.tag === 'invite') failIq(connection, query, 401, 'not-authorized')
    else failIq(connection, query, 403, 'forbidden')
    return true
  }
  if (query.attrs.type === 'get') {
    if (change.tag === 'invite') replyIq(connection, query, [stanza('invite', { code: inviteCode(world, group) })])
    else if (change.tag === 'query') replyIq(connection, query, [groupStanza(world, group)])
    else return false
    return true
  }
  if (MEMBER_ACTIONS.has(change.tag)) {
    const results = changeSome(world, group, person, change)
    replyIq(connection, query, [stanza(change.tag, {}, results)])
    return true
  }
  if (change.tag === 'invite') {
    replyIq(connection, query, [stanza('invite', { code: newInviteCode(world, group, person) })])
    return true
  }
  if (change.tag === 'subject') setSubject(world, group, person, bytesOf(change)?.toString('utf8') ?? '')
  else if (change.tag === 'description')
    setDescription(world, group, person, bytesOf(child(change, 'body'))?.toString('utf8') ?? '')
  else {
    const settings = settingsOf(change)
    if (!settings) return false
    setGroupSettings(world, group, person, settings)
  }
  replyIq(connection, query)
  return true
}

const MEMBER_ACTIONS: ReadonlySet<string> = new Set(['add', 'remove', 'promote', 'demote'])

/** Admins may do everything; members what the group's settings leave to them. */
function mayDo(group: Group, person: Person, type: string | undefined, tag: string): boolean {
  const role = memberOf(group, person)?.role
  if (role === 'admin' || role === 'superadmin') return true
  switch (tag) {
    case 'query':
      return true
    case 'add':
      return !group.onlyAdminsAdd
    case 'subject':
    case 'description':
    case 'ephemeral':
    case 'not_ephemeral':
      return !group.onlyAdminsEdit
    case 'invite':
      return type === 'get' && !group.onlyAdminsAdd
    default:
      return false
  }
}

/** Does to each person what can be done, and says of each what became of it: nothing, or the error's code. */
function changeSome(world: World, group: Group, actor: Person, change: Stanza): Stanza[] {
  const done: Person[] = []
  const results = children(change, 'participant').map(({ attrs }) => {
    const person = findPerson(world, attrs.jid ?? '')
    const error = person ? refusal(group, actor, person, change.tag) : 404
    if (person && error === undefined) done.push(person)
    return stanza('participant', { jid: attrs.jid, error })
  })
  if (done.length > 0) changeMembers(world, group, actor, change.tag as MemberAction, done)
  return results
}

/** 403: their privacy lets nobody add them, or only who is in their contacts. 404: no member. 409: in it already. */
function refusal(group: Group, actor: Person, person: Person, action: string): number | undefined {
  const member = memberOf(group, person)
  if (action !== 'add') return member ? undefined : 404
  if (member) return 409
  return mayNotBeAdded(actor, person) ? 403 : undefined
}

function mayNotBeAdded(actor: Person, { privacy, contacts }: Person): boolean {
  const known = contacts.some(({ number }) => number === actor.number)
  return privacy.groupadd === 'none' || (privacy.groupadd === 'contacts' && !known)
}

function settingsOf(change: Stanza): GroupSettings | undefined {
  const { tag, attrs } = change
  switch (tag) {
    case 'announcement':
    case 'not_announcement':
      return { only_admins_send: tag === 'announcement' }
    case 'locked':
    case 'unlocked':
      return { only_admins_edit: tag === 'locked' }
    case 'ephemeral':
      return { disappearing_seconds: Number(attrs.expiration ?? 0) }
    case 'not_ephemeral':
      return { disappearing_seconds: 0 }
    case 'member_add_mode':
      return { only_admins_add: bytesOf(change)?.toString('utf8') === 'admin_add' }
    case 'membership_approval_mode':
      return { approval: child(change, 'group_join')?.attrs.state === 'on' }
    default:
      return undefined
  }
}

function answerAll(world: World, connection: Connection, person: Person, query: Stanza): boolean {
  const create = child(query, 'create')
  const leave = child(query, 'leave')
  const invite = child(query, 'invite')
  if (child(query, 'participating')) {
    const groups = groupsOf(world, person).map((each) => groupStanza(world, each))
    replyIq(connection, query, [stanza('groups', {}, groups)])
  } else if (create) {
    const wanted = peopleOf(world, create)
    const refused = wanted.filter((each) => mayNotBeAdded(person, each))
    const members = wanted
      .filter((each) => !refused.includes(each))
      .map((each) => ({ person: each, role: 'member' as const }))
    const group = createGroup(world, person, { subject: create.attrs.subject ?? '', members, addressed: 'lid' })
    const answer = groupStanza(world, group)
    const errors = refused.map((each) =>
      stanza('participant', { jid: jidOf(each, 'lid'), phone_number: jidOf(each, 'pn'), error: 403 }),
    )
    replyIq(connection, query, [{ ...answer, content: [...children(answer), ...errors] }])
  } else if (leave) {
    const groups = children(leave, 'group').map((each) => groupByJid(world, each.attrs.id ?? ''))
    for (const group of groups) {
      if (group && memberOf(group, person)) changeMembers(world, group, person, 'leave', [person])
    }
    const results = children(leave, 'group').map(({ attrs }) => stanza('group', { id: attrs.id }))
    replyIq(connection, query, [stanza('leave', {}, results)])
  } else if (invite) {
    const group = groupByInvite(world, invite.attrs.code ?? '')
    if (!group) failIq(connection, query, 406, 'not-acceptable')
    else {
      if (!memberOf(group, person)) changeMembers(world, group, person, 'add', [person])
      replyIq(connection, query, [stanza('group', { jid: groupJid(group) })])
    }
  } else return false
  return true
}

function peopleOf(world: World, node: Stanza): Person[] {
  return children(node, 'participant')
    .map((each) => findPerson(world, each.attrs.jid ?? ''))
    .filter((each) => each !== undefined)
}
