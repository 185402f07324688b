import { z } from 'zod'

export const GroupRole = z.enum(['member', 'admin', 'superadmin'])
export type GroupRole = z.infer<typeof GroupRole>

/** A group as the API shows it. It is a conversation as well: messages are read and sent with `conversation_id` or `jid`. */
export const Group = z.object({
  conversation_id: z.uuid(),
  session_id: z.uuid(),
  jid: z.string(),
  subject: z.string().nullable(),
  description: z.string().nullable(),
  photo_url: z.string().nullable(),
  owner_jid: z.string().nullable().describe('Who made it.'),
  created_at: z.string().nullable(),
  only_admins_send: z.boolean(),
  only_admins_edit: z.boolean(),
  disappearing_seconds: z.number().int().nullable(),
  parent_jid: z.string().nullable().describe('The community that it belongs to.'),
  left_at: z.string().nullable().describe('When the account left or was removed; null while it is in.'),
  complete: z.boolean().describe('Whether all participants are known.'),
  size: z.number().int().describe('How many participants are known.'),
  my_role: GroupRole.nullable(),
  activity_at: z.string(),
})
export type Group = z.infer<typeof Group>

export const GroupMember = z.object({
  jid: z.string(),
  role: GroupRole,
  name: z.string().nullable(),
  phone: z.string().nullable(),
  contact_id: z.uuid().nullable(),
  is_me: z.boolean(),
})
export type GroupMember = z.infer<typeof GroupMember>

export const GroupWithParticipants = Group.extend({ participants: z.array(GroupMember) })
export type GroupWithParticipants = z.infer<typeof GroupWithParticipants>
