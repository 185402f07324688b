import type { ClaimedCommand } from '#shared/commands.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { emptyBatch } from '#shared/inbound.ts'
import type { ParticipantResult } from '../whatsapp/group-operations.ts'
import type { CommandContext, Outcome } from './command-context.ts'

type GroupCommand = ClaimedCommand & { kind: 'group' }

/** Makes, changes, joins or leaves a group. What WhatsApp refuses fails for good; what it does not answer is tried again. */
export async function changeGroup(command: GroupCommand, context: CommandContext): Promise<Outcome> {
  try {
    return { kind: 'finished', result: await carryOut(command, context) }
  } catch (error) {
    const code = refusalOf(error, command.payload.action)
    if (!code) throw error
    return { kind: 'failed', code }
  }
}

async function carryOut(
  command: GroupCommand,
  { open, commands, projection }: CommandContext,
): Promise<Record<string, unknown>> {
  const { action, participants = [], subject = '', code = '' } = command.payload
  if (action === 'create') {
    // A try before may have made it, with its answer lost on the way.
    const made = command.attempts > 1 ? await open.findOwnGroup(subject, command.created_at) : null
    const group = made ?? (await open.createGroup(subject, participants))
    await projection.project({ ...emptyBatch(), chats: [{ jid: group.jid, name: subject }] })
    return {
      conversation_id: await projection.openConversation(group.jid, undefined),
      participants: group.participants.map(publicResult),
    }
  }
  if (action === 'join') {
    const jid = await open.joinGroup(code)
    return { conversation_id: await projection.openConversation(jid, undefined) }
  }
  const group = command.conversation_id === null ? null : await commands.readAddress(command.conversation_id)
  if (!group) throw new GroupRefusal('conversation_not_found')
  const ids = { conversation_id: command.conversation_id }
  switch (action) {
    case 'update':
      await update(command, group, open)
      return ids
    case 'add':
    case 'remove':
    case 'promote':
    case 'demote':
      return {
        ...ids,
        participants: (await open.changeParticipants(group, action, participants)).map((each) =>
          each.status === '404' && action !== 'add'
            ? { jid: each.jid, ok: false, code: 'not_a_member' }
            : publicResult(each),
        ),
      }
    case 'invite':
      return { ...ids, ...invitation(await open.inviteCode(group)) }
    case 'revoke_invite':
      return { ...ids, ...invitation(await open.revokeInvite(group)) }
    case 'leave':
      await open.leaveGroup(group)
      return ids
    default:
      return action satisfies never
  }
}

async function update({ payload }: GroupCommand, group: string, open: CommandContext['open']): Promise<void> {
  const { subject, description, onlyAdminsSend, onlyAdminsEdit, onlyAdminsAdd, joinApproval, picture } = payload
  if (subject !== undefined) await open.setGroupSubject(group, subject)
  if (description !== undefined) await open.setGroupDescription(group, description)
  if (onlyAdminsSend !== undefined)
    await open.setGroupSetting(group, onlyAdminsSend ? 'announcement' : 'not_announcement')
  if (onlyAdminsEdit !== undefined) await open.setGroupSetting(group, onlyAdminsEdit ? 'locked' : 'unlocked')
  if (onlyAdminsAdd !== undefined) await open.setGroupAddMode(group, onlyAdminsAdd)
  if (joinApproval !== undefined) await open.setGroupApproval(group, joinApproval)
  if (picture !== undefined) await open.setGroupPicture(group, picture === null ? null : Buffer.from(picture, 'base64'))
}

function invitation(code: string): { code: string; url: string } {
  return { code, url: `https://chat.whatsapp.com/${code}` }
}

/** WhatsApp's status of one person in words. */
function publicResult({ jid, status }: ParticipantResult): { jid: string; ok: boolean; code?: string } {
  if (status === '200') return { jid, ok: true }
  const codes: Record<string, string> = {
    '403': 'not_allowed',
    '404': 'not_on_whatsapp',
    '408': 'left_recently',
    '409': 'already_in',
  }
  return { jid, ok: false, code: codes[status] ?? 'refused' }
}

class GroupRefusal extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode) {
    super(code)
    this.code = code
  }
}

/** The public code of a refusal; null for what may pass with another try: no answer, or no connection. */
function refusalOf(error: unknown, action: GroupCommand['payload']['action']): ErrorCode | null {
  if (error instanceof GroupRefusal) return error.code
  const code = (error as { data?: unknown } | null)?.data
  if (typeof code !== 'number' || code < 400 || code >= 500 || code === 408 || code === 429) return null
  if (action === 'join')
    return code === 401 || code === 404 || code === 406 || code === 410 ? 'invalid_invite' : 'group_refused'
  if (code === 401 || code === 403) return 'group_admins_only'
  if (code === 404) return 'not_in_group'
  return code === 400 || code === 406 ? 'invalid_group' : 'group_refused'
}
