import { ControlError } from './control-error.ts'
import { groupJid, memberOf, membersOf } from './group.ts'
import { jidOf, otherForm } from './jid.ts'
import { notify } from './notify.ts'
import { pictureId } from './picture.ts'
import { stanza, type Stanza } from './stanza.ts'
import type { Addressing, Group, GroupMember, Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

export type MemberAction = 'add' | 'remove' | 'promote' | 'demote' | 'leave'

export interface GroupSettings {
  only_admins_send?: boolean | undefined
  only_admins_edit?: boolean | undefined
  only_admins_add?: boolean | undefined
  /** Who joins by link waits for an admin. */
  approval?: boolean | undefined
  disappearing_seconds?: number | undefined
}

/** Makes a group; who makes it is its superadmin. Everybody's companions are told (`w:gp2` `create`). */
export function createGroup(
  world: World,
  creator: Person,
  wanted: {
    subject: string
    description?: string
    members: { person: Person; role: GroupMember['role'] }[]
    addressed: Addressing
    id?: string
  },
): Group {
  const id = wanted.id ?? `1203630${String(world.random.below(10_000_000_000)).padStart(11, '0')}`
  const others = wanted.members.filter((each) => each.person !== creator)
  const group: Group = {
    id,
    subject: wanted.subject,
    description: wanted.description ?? '',
    creator: creator.number,
    createdAt: seconds(),
    addressed: wanted.addressed,
    members: [
      { number: creator.number, role: 'superadmin' },
      ...others.map(({ person, role }) => ({ number: person.number, role })),
    ],
  }
  ;(world.state.groups ??= []).push(group)
  announce(world, group, creator, stanza('create', {}, [groupStanza(world, group)]), membersOf(world, group))
  return group
}

/** Adds, removes, promotes or demotes members, or lets one leave; those concerned and all others are told. */
export function changeMembers(world: World, group: Group, actor: Person, action: MemberAction, people: Person[]): void {
  const told = new Set(membersOf(world, group))
  const roles = { promote: 'admin', demote: 'member' } as const
  for (const person of people) {
    const member = memberOf(group, person)
    if (action === 'add') {
      if (!member) group.members.push({ number: person.number, role: 'member' })
      told.add(person)
    } else if (!member) throw new ControlError(404, 'not_a_member', 'One of them is not in the group.')
    else if (action === 'promote' || action === 'demote') member.role = roles[action]
    else group.members = group.members.filter((each) => each !== member)
  }
  if (action === 'remove' || action === 'leave') forgetSenderKeys(world, group)
  const participants = people.map((person) => participant(group, person))
  // A member that leaves is a removal by itself.
  const tag = action === 'leave' ? 'remove' : action
  announce(world, group, actor, stanza(tag, {}, participants), [...told])
}

export function setSubject(world: World, group: Group, actor: Person, subject: string): void {
  group.subject = subject
  const attributes = { subject, s_o: jidOf(actor, group.addressed), s_t: seconds() }
  announce(world, group, actor, stanza('subject', attributes), membersOf(world, group))
}

export function setDescription(world: World, group: Group, actor: Person, description: string): void {
  group.description = description
  const body = stanza('body', {}, Buffer.from(description))
  announce(world, group, actor, stanza('description', { id: 'D1' }, [body]), membersOf(world, group))
}

/** Sets who may write and who may change the group, and how long messages stay; a notification each. */
export function setGroupSettings(world: World, group: Group, actor: Person, settings: GroupSettings): void {
  const { only_admins_send: send, only_admins_edit: edit, disappearing_seconds: seconds } = settings
  const { only_admins_add: add, approval } = settings
  const tell = (change: Stanza): void => announce(world, group, actor, change, membersOf(world, group))
  if (send !== undefined) {
    group.onlyAdminsSend = send
    tell(stanza(send ? 'announcement' : 'not_announcement'))
  }
  if (edit !== undefined) {
    group.onlyAdminsEdit = edit
    tell(stanza(edit ? 'locked' : 'unlocked'))
  }
  if (seconds !== undefined) {
    group.disappearingSeconds = seconds
    tell(seconds > 0 ? stanza('ephemeral', { expiration: seconds }) : stanza('not_ephemeral'))
  }
  if (add !== undefined) {
    group.onlyAdminsAdd = add
    tell(stanza('member_add_mode', {}, Buffer.from(add ? 'admin_add' : 'all_member_add')))
  }
  if (approval !== undefined) {
    group.approval = approval
    tell(stanza('membership_approval_mode', {}, [stanza('group_join', { state: approval ? 'on' : 'off' })]))
  }
}

/** The code of the group's invitation link. */
export function inviteCode(world: World, group: Group): string {
  if (group.invite === undefined) {
    group.invite = madeCode(world)
    world.changed()
  }
  return group.invite
}

/** Another code; the one before leads nowhere any more. All members are told. */
export function newInviteCode(world: World, group: Group, actor: Person): string {
  group.invite = madeCode(world)
  announce(world, group, actor, stanza('invite', { code: group.invite }), membersOf(world, group))
  return group.invite
}

function madeCode(world: World): string {
  return world.random.bytes(16).toString('base64url')
}

/** The picture of a group, or none; all members are told. */
export function setGroupPicture(world: World, group: Group, actor: Person, picture: Buffer | undefined): void {
  if (picture) group.picture = picture
  else delete group.picture
  world.changed()
  announcePicture(world, group, actor, picture && String(pictureId(picture)))
}

/** Says that the group has another picture, or none. */
export function announcePicture(world: World, group: Group, actor: Person, id: string | undefined): void {
  const jid = groupJid(group)
  const author = jidOf(actor, group.addressed)
  const change = stanza(id === undefined ? 'delete' : 'set', { jid, id, author })
  for (const person of membersOf(world, group)) notify(world, person, { from: jid, type: 'picture' }, [change])
  world.events.publish('group.changed', actor.number, { group: jid, change: 'picture' })
}

/** A member's new number (`modify`), for groups that go by numbers. */
export function announceNumber(world: World, group: Group, person: Person): void {
  announce(world, group, person, stanza('modify', {}, [participant(group, person)]), membersOf(world, group))
}

/** A group's metadata as `<group>` (read by Baileys `extractGroupMetadata`). */
export function groupStanza(world: World, group: Group): Stanza {
  const creator = findPerson(world, group.creator)
  const attributes = {
    id: group.id,
    subject: group.subject,
    s_t: group.createdAt,
    s_o: creator && jidOf(creator, group.addressed),
    creation: group.createdAt,
    creator: creator && jidOf(creator, group.addressed),
    creator_pn: creator && group.addressed === 'lid' ? otherForm(creator, 'lid') : undefined,
    addressing_mode: group.addressed,
    size: group.members.length,
  }
  const description = stanza('description', { id: 'D1', t: group.createdAt }, [
    stanza('body', {}, Buffer.from(group.description)),
  ])
  return stanza('group', attributes, [
    ...(group.description ? [description] : []),
    ...(group.onlyAdminsSend ? [stanza('announcement')] : []),
    ...(group.onlyAdminsEdit ? [stanza('locked')] : []),
    ...(group.onlyAdminsAdd ? [stanza('member_add_mode', {}, Buffer.from('admin_add'))] : []),
    ...(group.approval ? [stanza('membership_approval_mode', {}, [stanza('group_join', { state: 'on' })])] : []),
    ...(group.disappearingSeconds ? [stanza('ephemeral', { expiration: group.disappearingSeconds })] : []),
    ...membersOf(world, group).map((person) => participant(group, person)),
  ])
}

function participant(group: Group, person: Person): Stanza {
  const role = memberOf(group, person)?.role
  return stanza('participant', {
    jid: jidOf(person, group.addressed),
    [group.addressed === 'lid' ? 'phone_number' : 'lid']: otherForm(person, group.addressed),
    type: role === 'member' ? undefined : role,
  })
}

function announce(world: World, group: Group, actor: Person, change: Stanza, people: Person[]): void {
  world.changed()
  const { addressed } = group
  const attributes = {
    from: groupJid(group),
    type: 'w:gp2',
    participant: jidOf(actor, addressed),
    [addressed === 'lid' ? 'participant_pn' : 'participant_lid']: otherForm(actor, addressed),
    addressing_mode: addressed,
    notify: actor.name,
  }
  for (const person of people) notify(world, person, attributes, [change])
  world.events.publish('group.changed', actor.number, { group: groupJid(group), change: change.tag })
}

/** Who has gone must not read on: every phone makes a new sender key. */
function forgetSenderKeys(world: World, group: Group): void {
  const jid = groupJid(group)
  for (const person of world.state.people) {
    delete person.senderKeyHolders?.[jid]
    for (const key of Object.keys(person.senderKeys ?? {})) {
      if (key.startsWith(`${jid}::${person.lid}::0`)) delete person.senderKeys?.[key]
    }
  }
}
