import {
  generateMessageIDV2,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidNormalizedUser,
  type WASocket,
} from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'

/** What became of one person in a change of a group's members. */
export interface ParticipantResult {
  jid: string
  /** WhatsApp's status: 200 done; 403 they don't let others add them; 404 not on WhatsApp; 408 left lately; 409 in it already. */
  status: string
}

export type GroupSetting = 'announcement' | 'not_announcement' | 'locked' | 'unlocked'

/** What may be changed of groups. Each fails with WhatsApp's error, whose code is in `data`: 401 and 403 not allowed, 404 not a member. */
export interface GroupOperations {
  /** Makes a group; answers its JID and what became of each person asked for. */
  createGroup(subject: string, people: string[]): Promise<{ jid: string; participants: ParticipantResult[] }>
  /** A group of that subject that this account made at that time or later; null when there is none. */
  findOwnGroup(subject: string, since: Date): Promise<{ jid: string; participants: ParticipantResult[] } | null>
  setGroupSubject(group: string, subject: string): Promise<void>
  setGroupDescription(group: string, description: string): Promise<void>
  setGroupSetting(group: string, setting: GroupSetting): Promise<void>
  setGroupAddMode(group: string, onlyAdmins: boolean): Promise<void>
  /** Whether who joins by link waits for an admin. */
  setGroupApproval(group: string, on: boolean): Promise<void>
  /** After how many seconds new messages disappear; 0 for never. */
  setGroupTimer(group: string, seconds: number): Promise<void>
  /** A JPEG. Null takes the picture away. */
  setGroupPicture(group: string, picture: Buffer | null): Promise<void>
  changeParticipants(
    group: string,
    action: 'add' | 'remove' | 'promote' | 'demote',
    people: string[],
  ): Promise<ParticipantResult[]>
  inviteCode(group: string): Promise<string>
  /** Makes a new code; the one before no longer works. */
  revokeInvite(group: string): Promise<string>
  /** Joins by a code; answers the group's JID. */
  joinGroup(code: string): Promise<string>
  leaveGroup(group: string): Promise<void>
}

/** @see GroupOperations */
export function createGroupOperations(socket: WASocket): GroupOperations {
  function resultsOf(results: { jid: string | undefined; status: string }[]): ParticipantResult[] {
    return results.flatMap(({ jid, status }) => {
      const normal = normalizeJid(jid)
      return normal ? [{ jid: normal, status }] : []
    })
  }
  return {
    async createGroup(subject, people) {
      // Not groupCreate: that leaves out of the answer why somebody could not be added.
      const answer = await socket.query({
        tag: 'iq',
        attrs: { to: '@g.us', type: 'set', xmlns: 'w:g2' },
        content: [
          {
            tag: 'create',
            attrs: { subject, key: generateMessageIDV2() },
            content: people.map((jid) => ({ tag: 'participant', attrs: { jid } })),
          },
        ],
      })
      const group = getBinaryNodeChild(answer, 'group')
      const id = group?.attrs['id']
      if (!group || !id) throw new Error('WhatsApp named no group')
      const statuses = new Map<string, string>()
      for (const { attrs } of getBinaryNodeChildren(group, 'participant'))
        for (const name of [attrs['jid'], attrs['lid'], attrs['phone_number']])
          statuses.set(normalizeJid(name) ?? '', attrs['error'] ?? '200')
      return {
        jid: jidNormalizedUser(id.includes('@') ? id : `${id}@g.us`),
        // Whoever is missing could not be added.
        participants: people.map((jid) => ({ jid, status: statuses.get(jid) ?? '404' })),
      }
    },
    async findOwnGroup(subject, since) {
      const own = [socket.user?.id, socket.user?.lid].map((jid) => normalizeJid(jid))
      // WhatsApp's times are whole seconds.
      const earliest = Math.floor(since.getTime() / 1000)
      const found = Object.values(await socket.groupFetchAllParticipating()).find(
        (group) =>
          group.subject === subject && own.includes(normalizeJid(group.owner)) && (group.creation ?? 0) >= earliest,
      )
      if (!found) return null
      const participants = found.participants.map((member) => ({ jid: member.id, status: '200' }))
      return { jid: jidNormalizedUser(found.id), participants: resultsOf(participants) }
    },
    setGroupSubject: (group, subject) => socket.groupUpdateSubject(group, subject),
    setGroupDescription: (group, description) => socket.groupUpdateDescription(group, description || undefined),
    setGroupSetting: (group, setting) => socket.groupSettingUpdate(group, setting),
    setGroupAddMode: (group, onlyAdmins) =>
      socket.groupMemberAddMode(group, onlyAdmins ? 'admin_add' : 'all_member_add'),
    setGroupApproval: (group, on) => socket.groupJoinApprovalMode(group, on ? 'on' : 'off'),
    setGroupTimer: (group, seconds) => socket.groupToggleEphemeral(group, seconds),
    async setGroupPicture(group, picture) {
      const content = picture ? [{ tag: 'picture', attrs: { type: 'image' }, content: picture }] : undefined
      await socket.query({
        tag: 'iq',
        attrs: { to: 's.whatsapp.net', type: 'set', xmlns: 'w:profile:picture', target: group },
        ...(content ? { content } : {}),
      })
    },
    async changeParticipants(group, action, people) {
      return resultsOf(await socket.groupParticipantsUpdate(group, people, action))
    },
    async inviteCode(group) {
      const code = await socket.groupInviteCode(group)
      if (!code) throw new Error('WhatsApp gave no code')
      return code
    },
    async revokeInvite(group) {
      const code = await socket.groupRevokeInvite(group)
      if (!code) throw new Error('WhatsApp gave no code')
      return code
    },
    async joinGroup(code) {
      const jid = normalizeJid(await socket.groupAcceptInvite(code))
      if (!jid) throw new Error('WhatsApp named no group')
      return jid
    },
    leaveGroup: (group) => socket.groupLeave(group),
  }
}
