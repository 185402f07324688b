import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { json, personNamed } from './control-request.ts'
import {
  announcePicture,
  changeMembers,
  createGroup,
  setDescription,
  setGroupSettings,
  setSubject,
} from './group-admin.ts'
import { groupByJid, groupJid, memberOf } from './group.ts'
import { sayInGroup } from './group-messages.ts'
import { jidOf } from './jid.ts'
import { textContent } from './phone-record.ts'
import type { Group, Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

/** The routes of groups; a group is named by its id or JID. */
export function addGroupRoutes(app: Hono, world: World): void {
  app.get('/groups', (c) => c.json({ groups: (world.state.groups ?? []).map((each) => groupView(world, each)) }))
  app.get('/groups/:id', (c) => c.json(groupView(world, found(c))))
  app.post('/groups', async (c) => {
    const { by, subject, description, members, as: addressed, id } = groupBody.parse(await json(c))
    const group = createGroup(world, personNamed(world, by), {
      subject,
      addressed,
      members: members.map(({ number, role }) => ({ person: personNamed(world, number), role })),
      ...(description !== undefined && { description }),
      ...(id !== undefined && { id }),
    })
    return c.json(groupView(world, group), 201)
  })
  app.post('/groups/:id/say', async (c) => {
    const { from, text, id, at } = sayBody.parse(await json(c))
    const group = found(c)
    const person = member(group, from)
    const content = textContent(text)
    return c.json(
      await sayInGroup(world, person, group, { content, ...(id && { id }), ...(at !== undefined && { at }) }),
    )
  })
  app.post('/groups/:id/members', async (c) => {
    const { by, action, numbers } = membersBody.parse(await json(c))
    const group = found(c)
    changeMembers(
      world,
      group,
      personNamed(world, by),
      action,
      numbers.map((each) => personNamed(world, each)),
    )
    return c.json(groupView(world, group))
  })
  app.post('/groups/:id/leave', async (c) => {
    const { number } = z.strictObject({ number: z.string() }).parse(await json(c))
    const group = found(c)
    const person = member(group, number)
    changeMembers(world, group, person, 'leave', [person])
    return c.json(groupView(world, group))
  })
  app.post('/groups/:id/subject', async (c) => {
    const { by, subject, description } = subjectBody.parse(await json(c))
    const group = found(c)
    const person = member(group, by)
    if (subject !== undefined) setSubject(world, group, person, subject)
    if (description !== undefined) setDescription(world, group, person, description)
    return c.json(groupView(world, group))
  })
  app.post('/groups/:id/settings', async (c) => {
    const { by, ...settings } = settingsBody.parse(await json(c))
    const group = found(c)
    setGroupSettings(world, group, member(group, by), settings)
    return c.json(groupView(world, group))
  })
  app.post('/groups/:id/picture', async (c) => {
    const { by, on } = pictureBody.parse(await json(c))
    const group = found(c)
    announcePicture(world, group, member(group, by), on ? String(seconds()) : undefined)
    return c.json(groupView(world, group))
  })

  function found(c: Context): Group {
    const group = groupByJid(world, c.req.param('id') ?? '')
    if (!group) throw new ControlError(404, 'unknown_group', 'There is no such group.')
    return group
  }

  function member(group: Group, number: string): Person {
    const person = personNamed(world, number)
    if (!memberOf(group, person)) throw new ControlError(409, 'not_a_member', 'This person is not in the group.')
    if (person.airplane) throw new ControlError(409, 'phone_offline', 'The phone is in airplane mode.')
    return person
  }
}

function groupView(world: World, group: Group) {
  return {
    id: group.id,
    jid: groupJid(group),
    subject: group.subject,
    description: group.description,
    creator: group.creator,
    created_at: group.createdAt,
    addressed: group.addressed,
    only_admins_send: group.onlyAdminsSend ?? false,
    only_admins_edit: group.onlyAdminsEdit ?? false,
    only_admins_add: group.onlyAdminsAdd ?? false,
    approval: group.approval ?? false,
    invite: group.invite ?? null,
    picture_bytes: group.picture?.length ?? 0,
    members: group.members.map(({ number, role }) => {
      const person = findPerson(world, number)
      return { number, lid: person?.lid ?? null, jid: person ? jidOf(person, group.addressed) : null, role }
    }),
  }
}

const subject = z.string().min(1).max(100)
const groupBody = z.strictObject({
  by: z.string(),
  subject,
  description: z.string().max(2048).optional(),
  members: z.array(
    z.strictObject({ number: z.string(), role: z.enum(['member', 'admin', 'superadmin']).default('member') }),
  ),
  as: z.enum(['lid', 'pn']).default('lid'),
  id: z
    .string()
    .regex(/^\d{10,25}$/)
    .optional(),
})
const sayBody = z.strictObject({
  from: z.string(),
  text: z.string().min(1).max(65_536),
  id: z.string().min(4).max(64).optional(),
  at: z.number().int().min(0).optional(),
})
const membersBody = z.strictObject({
  by: z.string(),
  action: z.enum(['add', 'remove', 'promote', 'demote']),
  numbers: z.array(z.string()).min(1).max(1000),
})
const settingsBody = z.strictObject({
  by: z.string(),
  only_admins_send: z.boolean().optional(),
  only_admins_edit: z.boolean().optional(),
  only_admins_add: z.boolean().optional(),
  approval: z.boolean().optional(),
  disappearing_seconds: z.number().int().min(0).max(31_536_000).optional(),
})
const pictureBody = z.strictObject({ by: z.string(), on: z.boolean().default(true) })
const subjectBody = z.strictObject({
  by: z.string(),
  subject: subject.optional(),
  description: z.string().max(2048).optional(),
})
