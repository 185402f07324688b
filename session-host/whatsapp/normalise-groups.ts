import type { BaileysEventMap, GroupMetadata, GroupParticipant as Participant } from '@whiskeysockets/baileys'
import { isPersonJid, normalizeJid } from '#shared/ids.ts'
import type { GroupParticipant, InboundBatch, InboundGroup } from '#shared/inbound.ts'

/** Adds what Baileys said of a group to the batch: subject, facts, the list of participants when it came. Pure. */
export function addGroup(batch: InboundBatch, group: Partial<GroupMetadata>): void {
  const jid = normalizeJid(group.id)
  if (!jid?.endsWith('@g.us')) return
  const participants = group.participants?.flatMap((participant) => addParticipant(batch, participant))
  batch.chats.push({
    jid,
    ...(group.subject ? { name: group.subject } : {}),
    ...(group.ephemeralDuration === undefined ? {} : { disappearingSeconds: group.ephemeralDuration }),
    group: { facts: factsOf(group), ...(participants ? { participants } : {}) },
  })
}

/** Adds who came, went or got another role. Pure. */
export function addParticipants(batch: InboundBatch, update: BaileysEventMap['group-participants.update']): void {
  const jid = normalizeJid(update.id)
  if (!jid?.endsWith('@g.us')) return
  const changed = update.participants.flatMap((participant) => {
    const [known] = addParticipant(batch, participant)
    return known ? [{ jid: known.jid, role: roleAfter(update.action, known.role) }] : []
  })
  if (changed.length > 0) batch.chats.push({ jid, group: { changed } })
}

/** The participant with their role; what pairs their number with their LID goes to the batch's people. */
function addParticipant(batch: InboundBatch, participant: Participant): GroupParticipant[] {
  const jid = normalizeJid(participant.id)
  if (!jid || !isPersonJid(jid)) return []
  const alt = [participant.lid, participant.phoneNumber]
    .map(normalizeJid)
    .find((other) => other !== null && other !== jid)
  if (alt) batch.people.push({ jid, alt })
  const role = participant.admin ?? (participant.isSuperAdmin ? 'superadmin' : participant.isAdmin ? 'admin' : 'member')
  return [{ jid, role }]
}

function roleAfter(
  action: BaileysEventMap['group-participants.update']['action'],
  role: GroupParticipant['role'],
): GroupParticipant['role'] | null {
  switch (action) {
    case 'remove':
      return null
    case 'promote':
      return 'admin'
    case 'demote':
      return 'member'
    case 'add':
    case 'modify':
      return role
    default:
      return action satisfies never
  }
}

function factsOf(group: Partial<GroupMetadata>): NonNullable<InboundGroup['facts']> {
  const owner = normalizeJid(group.owner)
  const parent = normalizeJid(group.linkedParent)
  return {
    ...(owner && isPersonJid(owner) ? { owner_jid: owner } : {}),
    ...(group.desc === undefined ? {} : { description: group.desc.slice(0, 4096) || null }),
    ...(group.creation ? { created_on_whatsapp_at: new Date(group.creation * 1000).toISOString() } : {}),
    ...(group.announce === undefined ? {} : { only_admins_send: group.announce }),
    ...(group.restrict === undefined ? {} : { only_admins_edit: group.restrict }),
    ...(group.ephemeralDuration === undefined ? {} : { disappearing_seconds: group.ephemeralDuration || null }),
    ...(parent?.endsWith('@g.us') ? { parent_jid: parent } : {}),
  }
}
