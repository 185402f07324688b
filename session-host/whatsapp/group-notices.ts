import type { BinaryNode, GroupParticipant } from '@whiskeysockets/baileys'
import type { Notice } from '#shared/content.ts'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import type { Self } from './self.ts'
import { addGroup, addParticipants } from './normalise-groups.ts'

/**
 * What a notification says of a group: its new facts and members, and a notice for each change. Null for any other notification. Pure.
 *
 * Read from the stanza, so that it can be stored before Baileys acknowledges it; Baileys' own events of it say less (who was removed by
 * whom), leave one out when two come at once (event-buffer.js keeps the first groups.update of a group), and are gone when the host dies. Tags as in handleGroupNotification (messages-recv.js:587) and
 * whatsmeow's groupinfo parser. The timer (`ephemeral`) is a message to Baileys, and a notice from there.
 */
export function readGroupNotification(node: BinaryNode, self: Self): InboundBatch | null {
  const jid = normalizeJid(node.attrs['from'])
  const { type, id } = node.attrs
  if (!jid?.endsWith('@g.us') || !id || id.length > 100 || (type !== 'w:gp2' && type !== 'picture')) return null
  const batch = emptyBatch()
  const at = Number(node.attrs['t'] ?? 0)
  for (const [place, child] of childrenOf(node).entries()) {
    const by = personOf(node.attrs['participant'] || child.attrs['author'])
    const notice = readChange(batch, { jid, by, at, self }, child)
    if (!notice) continue
    const byMe = by !== null && isSelf(by, self)
    batch.messages.push({
      chat: jid,
      waId: place === 0 ? id : `${id}-${place}`,
      fromMe: false,
      ...(by ? { sender: by } : {}),
      at,
      type: 'notice',
      text: null,
      content: { notice: { ...notice, ...(byMe ? { by_me: true } : by ? { by } : {}) } },
      status: 'read',
      live: true,
    })
  }
  const actor = personOf(node.attrs['participant'])
  const alt = personOf(node.attrs['participant_pn'] ?? node.attrs['participant_lid'])
  if (actor && alt && actor !== alt) batch.people.push({ jid: actor, alt })
  return batch.messages.length > 0 || batch.chats.length > 0 ? batch : null
}

interface Change {
  jid: string
  by: string | null
  at: number
  self: Self
}

/** Adds what one change says of the group, and returns its notice; null when it says nothing that is shown. */
function readChange(batch: InboundBatch, { jid, by, at, self }: Change, child: BinaryNode): Notice | null {
  const participants = childrenOf(child, 'participant').map(participantOf)
  const who = participants.flatMap(({ id }) => normalizeJid(id) ?? [])
  const isMe = who.some((each) => isSelf(each, self))
  const members = (action: 'add' | 'remove' | 'promote' | 'demote'): void =>
    addParticipants(batch, { id: jid, author: by ?? '', participants, action })
  switch (child.tag) {
    case 'create': {
      const [group] = childrenOf(child, 'group')
      const all = childrenOf(group ?? child, 'participant').map(participantOf)
      const subject = group?.attrs['subject']
      addGroup(batch, {
        id: jid,
        ...(subject ? { subject } : {}),
        ...(group?.attrs['creator'] ? { owner: group.attrs['creator'] } : {}),
        ...(group?.attrs['creation'] ? { creation: Number(group.attrs['creation']) } : {}),
        ...(all.length > 0 ? { participants: all } : {}),
        ...(group ? settingsOf(group) : {}),
      })
      setLeft(batch, jid, null)
      return { kind: 'group_created', ...(subject ? { value: subject } : {}) }
    }
    case 'add':
      members('add')
      if (isMe) setLeft(batch, jid, null)
      // Who comes in by a link, or is let in, is named as the one who did it.
      return { kind: who.length === 1 && who[0] === by ? 'group_joined' : 'group_added', participants: who }
    case 'leave':
    case 'remove':
      members('remove')
      if (isMe) setLeft(batch, jid, at)
      return { kind: who.length === 1 && who[0] === by ? 'group_left' : 'group_removed', participants: who }
    case 'promote':
    case 'demote':
      members(child.tag)
      return { kind: child.tag === 'promote' ? 'group_promoted' : 'group_demoted', participants: who }
    case 'subject': {
      const subject = child.attrs['subject'] ?? ''
      addGroup(batch, { id: jid, subject })
      return { kind: 'group_subject', value: subject }
    }
    case 'description': {
      const [body] = childrenOf(child, 'body')
      const text = textOf(body)
      addGroup(batch, { id: jid, desc: text })
      return { kind: 'group_description', value: text.slice(0, 4096) || null }
    }
    case 'announcement':
    case 'not_announcement':
      addGroup(batch, { id: jid, announce: child.tag === 'announcement' })
      return { kind: 'group_only_admins_send', value: child.tag === 'announcement' ? 'on' : 'off' }
    case 'locked':
    case 'unlocked':
      addGroup(batch, { id: jid, restrict: child.tag === 'locked' })
      return { kind: 'group_only_admins_edit', value: child.tag === 'locked' ? 'on' : 'off' }
    case 'ephemeral':
    case 'not_ephemeral':
      addGroup(batch, { id: jid, ephemeralDuration: Number(child.attrs['expiration'] ?? 0) })
      return null
    case 'invite':
      return { kind: 'group_link' }
    case 'member_add_mode':
      return { kind: 'group_all_may_add', value: textOf(child) === 'all_member_add' ? 'on' : 'off' }
    case 'membership_approval_mode': {
      const [join] = childrenOf(child, 'group_join')
      return join ? { kind: 'group_approval', value: join.attrs['state'] === 'on' ? 'on' : 'off' } : null
    }
    case 'set':
    case 'delete':
      return { kind: 'group_picture', value: child.tag === 'set' ? 'on' : 'off' }
    default:
      return null
  }
}

/** When the account left, in epoch seconds, or that it is in. */
function setLeft(batch: InboundBatch, jid: string, at: number | null): void {
  batch.chats.push({
    jid,
    group: { facts: { left_at: at === null ? null : new Date((at || Date.now() / 1000) * 1000).toISOString() } },
  })
}

function settingsOf(group: BinaryNode): { announce: boolean; restrict: boolean; desc?: string } {
  const [description] = childrenOf(group, 'description')
  const [body] = description ? childrenOf(description, 'body') : []
  return {
    announce: childrenOf(group, 'announcement').length > 0,
    restrict: childrenOf(group, 'locked').length > 0,
    ...(body ? { desc: textOf(body) } : {}),
  }
}

function participantOf({ attrs }: BinaryNode): GroupParticipant {
  const { jid = '', phone_number: phoneNumber, lid, type } = attrs
  return {
    id: jid,
    ...(phoneNumber ? { phoneNumber } : {}),
    ...(lid ? { lid } : {}),
    admin: type === 'admin' || type === 'superadmin' ? type : null,
  }
}

function isSelf(jid: string, self: Self): boolean {
  return jid === self.phone || jid === self.lid
}

function personOf(text: string | undefined): string | null {
  const jid = normalizeJid(text)
  return jid && isPersonJid(jid) ? jid : null
}

function childrenOf(node: BinaryNode, tag?: string): BinaryNode[] {
  const children = Array.isArray(node.content) ? node.content : []
  return tag === undefined ? children : children.filter((child) => child.tag === tag)
}

function textOf(node: BinaryNode | undefined): string {
  if (typeof node?.content === 'string') return node.content
  return node?.content instanceof Uint8Array ? Buffer.from(node.content).toString('utf8') : ''
}
