import { WAMessageAddressingMode, type BinaryNode, type GroupMetadata, type WASocket } from '@whiskeysockets/baileys'
import { emptyBatch, type InboundBatch } from '#shared/inbound.ts'
import { readGroupNotification } from './group-notices.ts'
import type { Self } from './self.ts'

/** What a send to a group needs to know, as it is stored. */
export interface KnownGroup {
  /** JIDs as the group addresses its members, all of them. */
  participants: string[]
  /** After how many seconds messages disappear; null: they stay. */
  disappearingSeconds: number | null
}

export interface GroupDirectoryOptions {
  self: () => Self | null
  /** Null when not all members are known. */
  findGroup: (jid: string) => Promise<KnownGroup | null>
  onBatch: (batch: InboundBatch) => Promise<boolean>
  onFailure: (error: unknown) => void
}

/** Groups, from the side of the connection: what is told of them, and what is asked. */
export interface GroupDirectory {
  /** Baileys' cachedGroupMetadata: without it every send to a group asks the server for the members. */
  cached(jid: string): Promise<GroupMetadata | undefined>
  /** Takes a notification, and answers whether what it says of a group is stored. */
  store(node: BinaryNode): Promise<boolean>
  /** Takes the server's answer to a message; one with another `phash` than ours says that the members are not those we know. */
  onAck(node: BinaryNode): void
  /** Asks for all groups of the account. */
  readAll(): void
}

/** @see GroupDirectory. The answers of queries come out as Baileys' event groups.update. */
export function createGroupDirectory(
  socket: () => WASocket,
  { self, findGroup, onBatch, onFailure }: GroupDirectoryOptions,
): GroupDirectory {
  function readOne(jid: string): void {
    socket()
      .groupMetadata(jid)
      .then((group) => void socket().ev.emit('groups.update', [group]))
      .catch(onFailure)
  }

  return {
    async cached(jid) {
      const known = await findGroup(jid)
      if (!known) return undefined
      const isByLid = known.participants.every((participant) => participant.endsWith('@lid'))
      return {
        id: jid,
        subject: '',
        owner: undefined,
        addressingMode: isByLid ? WAMessageAddressingMode.LID : WAMessageAddressingMode.PN,
        participants: known.participants.map((id) => ({ id })),
        ...(known.disappearingSeconds ? { ephemeralDuration: known.disappearingSeconds } : {}),
      }
    },
    async store(node) {
      const me = self()
      const batch = me && readGroupNotification(node, me)
      if (!batch) return true
      const stored = await onBatch({ ...emptyBatch(), ...batch })
      // Who comes into a group is not told who else is there.
      for (const { jid, group } of batch.chats) {
        const isBack = group?.facts?.left_at === null
        if (stored && isBack && !batch.chats.some((chat) => chat.group?.participants)) readOne(jid)
      }
      return stored
    },
    onAck(node) {
      const { from, phash } = node.attrs
      if (phash && from?.endsWith('@g.us')) readOne(from)
    },
    readAll() {
      socket().groupFetchAllParticipating().catch(onFailure)
    },
  }
}
