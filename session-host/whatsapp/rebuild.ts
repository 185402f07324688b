import type { proto } from '@whiskeysockets/baileys'
import { buildChange, type Change } from './change-build.ts'
import { buildMessage, type OutgoingContent } from './content-build.ts'
import type { Self } from './self.ts'

/** What the account sent to a chat (a JID): a message, or a change of one. */
export type Sent = { to: string } & ({ kind: 'message'; message: OutgoingContent } | { kind: 'change'; change: Change })

/** The WhatsApp message of something that was sent, for a device that could not read it; null when it can't be built any more. */
export function rebuild(sent: Sent, self: Self): proto.IMessage | null {
  switch (sent.kind) {
    case 'message':
      return buildMessage(sent.message, sent.to, self)
    case 'change':
      return buildChange(sent.change, sent.to, self)?.message ?? null
    default:
      return sent satisfies never
  }
}
