import { proto, type BinaryNode, type WASocket } from '@whiskeysockets/baileys'
import { buildChange, type Change } from './change-build.ts'
import { buildMessage, type OutgoingContent } from './content-build.ts'
import type { Self } from './self.ts'

export interface OutgoingMessage extends OutgoingContent {
  /** JID to address. */
  to: string
  waId: string
}

/** What leaves in conversations. */
export interface Messaging {
  /**
   * Builds the WhatsApp message of a row, encoded; null for a file that was never prepared. Send the same bytes with every retry: a poll
   * has a secret.
   */
  build(message: OutgoingMessage): Uint8Array | null
  /** Hands a built message to the socket. It is sent when onAck says so, not before. */
  send(message: { to: string; waId: string; built: Uint8Array }): Promise<void>
  /** The same for a change; false for a vote on a poll whose secret is not known: nothing was sent. */
  sendChange(change: { to: string; waId: string; change: Change }): Promise<boolean>
  markRead(keys: { chat: string; waId: string; sender: string | null }[]): Promise<void>
  /** Tells a message's author that it was listened to, or looked at. */
  markPlayed(key: { chat: string; waId: string; sender: string | null }): Promise<void>
}

/** @see Messaging */
export function createMessaging(socket: WASocket, self: () => Self | null): Messaging {
  function account(): Self {
    const me = self()
    if (!me) throw new Error('no account is linked')
    return me
  }
  return {
    build(message) {
      const built = buildMessage(message, message.to, account())
      return built && proto.Message.encode(built).finish()
    },
    async send({ to, waId, built }) {
      const message = proto.Message.decode(built)
      const isPoll = message.pollCreationMessage ?? message.pollCreationMessageV3
      await socket.relayMessage(to, message, {
        messageId: waId,
        ...(isPoll ? { additionalNodes: [meta({ polltype: 'creation' })] } : {}),
      })
    },
    async sendChange({ to, waId, change }) {
      const built = buildChange(change, to, account())
      if (!built) return false
      await socket.relayMessage(to, built.message, {
        messageId: waId,
        ...(built.edit ? { additionalAttributes: { edit: built.edit } } : {}),
        ...(built.poll ? { additionalNodes: [meta({ polltype: built.poll })] } : {}),
      })
      return true
    },
    async markPlayed({ chat, waId, sender }) {
      await socket.sendReceipt(chat, sender ?? undefined, [waId], 'played')
    },
    async markRead(keys) {
      await socket.readMessages(
        keys.map(({ chat, waId, sender }) => ({
          remoteJid: chat,
          id: waId,
          fromMe: false,
          ...(sender ? { participant: sender } : {}),
        })),
      )
    },
  }
}

function meta(attrs: Record<string, string>): BinaryNode {
  return { tag: 'meta', attrs }
}
