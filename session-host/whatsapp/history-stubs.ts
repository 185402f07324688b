import { isJidGroup, proto, type WAMessage } from '@whiskeysockets/baileys'
import type { Notice } from '#shared/content.ts'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { InboundMessage } from '#shared/inbound.ts'
import { seconds } from './normalise-changes.ts'
import type { Self } from './self.ts'

const { StubType } = proto.WebMessageInfo

/**
 * The notice of a group's change or of a missed call, as a phone keeps it among the messages of its history: without content, the kind
 * and its parameters beside it (WAProto WebMessageInfo messageStubType, messageStubParameters). Null for any other message, and for what
 * is shown otherwise. The parameters are those that Baileys gives the same changes when they come live (messages-recv.js
 * handleGroupNotification). Pure.
 */
export function readStub(message: WAMessage, chat: string, self: Self): InboundMessage | null {
  const { key, messageStubType: type } = message
  if (message.message || !key.id || !type) return null
  const parameters = message.messageStubParameters ?? []
  const author = normalizeJid(key.participant ?? message.participant)
  const by = author && isPersonJid(author) ? author : null
  const isSelf = (jid: string | null): boolean => jid !== null && (jid === self.phone || jid === self.lid)
  const byMe = key.fromMe === true || isSelf(by)
  const isActor = (jid: string): boolean => jid === by || (byMe && isSelf(jid))
  const notice = isJidGroup(chat) ? groupNotice(type, parameters, isActor) : callNotice(type)
  if (!notice) return null
  const actor = isJidGroup(chat) ? by : chat
  return {
    chat,
    waId: key.id,
    fromMe: false,
    ...(by && isJidGroup(chat) ? { sender: by } : {}),
    at: seconds(message.messageTimestamp),
    type: 'notice',
    text: null,
    content: { notice: { ...notice, ...(byMe ? { by_me: true } : actor ? { by: actor } : {}) } },
    status: 'read',
    live: false,
  }
}

function groupNotice(type: number, parameters: string[], isActor: (jid: string) => boolean): Notice | null {
  const [value = ''] = parameters
  const who = parameters.flatMap(personOf).slice(0, 1_024)
  const about = (kind: string): Notice | null => (who.length > 0 ? { kind, participants: who } : null)
  const isAlone = who.length === 1 && who.every(isActor)
  switch (type) {
    case StubType.GROUP_CREATE:
      return { kind: 'group_created', ...(value ? { value: value.slice(0, 4096) } : {}) }
    case StubType.GROUP_CHANGE_SUBJECT:
      return { kind: 'group_subject', value: value.slice(0, 4096) }
    case StubType.GROUP_CHANGE_DESCRIPTION:
      return { kind: 'group_description', value: value.slice(0, 4096) || null }
    case StubType.GROUP_CHANGE_ICON:
      return { kind: 'group_picture', value: value ? 'on' : 'off' }
    case StubType.GROUP_CHANGE_INVITE_LINK:
      return { kind: 'group_link' }
    case StubType.GROUP_CHANGE_RESTRICT:
      return { kind: 'group_only_admins_edit', value: value === 'on' ? 'on' : 'off' }
    case StubType.GROUP_CHANGE_ANNOUNCE:
      return { kind: 'group_only_admins_send', value: value === 'on' ? 'on' : 'off' }
    case StubType.GROUP_MEMBER_ADD_MODE:
      return { kind: 'group_all_may_add', value: value === 'all_member_add' ? 'on' : 'off' }
    case StubType.GROUP_MEMBERSHIP_JOIN_APPROVAL_MODE:
      return { kind: 'group_approval', value: value === 'on' ? 'on' : 'off' }
    case StubType.GROUP_PARTICIPANT_ADD:
      return about(isAlone ? 'group_joined' : 'group_added')
    case StubType.GROUP_PARTICIPANT_INVITE:
      return about('group_joined')
    case StubType.GROUP_PARTICIPANT_REMOVE:
      return about(isAlone ? 'group_left' : 'group_removed')
    case StubType.GROUP_PARTICIPANT_LEAVE:
      return about('group_left')
    case StubType.GROUP_PARTICIPANT_PROMOTE:
      return about('group_promoted')
    case StubType.GROUP_PARTICIPANT_DEMOTE:
      return about('group_demoted')
    default:
      return null
  }
}

function callNotice(type: number): Notice | null {
  if (type !== StubType.CALL_MISSED_VOICE && type !== StubType.CALL_MISSED_VIDEO) return null
  return { kind: 'missed_call', video: type === StubType.CALL_MISSED_VIDEO }
}

/** A JID, or, where a LID has a number beside it, JSON with both. */
function personOf(parameter: string): string[] {
  const jid = normalizeJid(parameter.startsWith('{') ? idOf(parameter) : parameter)
  return jid && isPersonJid(jid) ? [jid] : []
}

function idOf(json: string): string | null {
  try {
    const { id } = JSON.parse(json) as { id?: unknown }
    return typeof id === 'string' ? id : null
  } catch {
    return null
  }
}
