import { setTimeout as pause } from 'node:timers/promises'
import type { BaileysEventMap, BinaryNode, WAMessage, WASocket } from '@whiskeysockets/baileys'
import { normalizeJid } from '#shared/ids.ts'
import { emptyBatch } from '#shared/inbound.ts'
import type { ConnectionHandlers } from './connection-options.ts'
import type { GroupDirectory } from './group-directory.ts'
import { handleInOrder } from './handle-in-order.ts'
import { takeHistoryOfMessage } from './history-notice.ts'
import type { Inbox } from './inbox.ts'
import { readMediaAnswers } from './media-access.ts'
import { normalise } from './normalise.ts'
import { readPeopleNotice } from './people-notices.ts'
import { readPresence } from './presence.ts'
import { createReceiptSink } from './receipt-sink.ts'
import { readRestrictions } from './restrictions.ts'
import type { Self } from './self.ts'
import { stanzaKeyOf, stanzaKeyOfMessage } from './stanza-key.ts'
import { storeBeforeAck } from './store-before-ack.ts'

export interface ReceptionOptions {
  self: () => Self | null
  inbox: Inbox
  groups: GroupDirectory
  handlers: ConnectionHandlers
  isClosed: () => boolean
  onFailure: (error: unknown) => void
}

/** What comes in over one socket, on its way to the session: stanzas in their order, and what Baileys makes of them. */
export interface Reception {
  /** Hands on what Baileys emitted at once. */
  handOn(events: Partial<BaileysEventMap>): void
  /** Resolves when the message that is being handled is done, and those that wait behind it. */
  idle(): Promise<void>
  /** Resolves when the messages that have come so far were handed on, out of Baileys' buffer too. */
  handedOn(): Promise<void>
  /** @see Connection */
  redeliver(messages: WAMessage[]): void
}

/** How often Baileys' buffer is looked at by what has to come after it. Milliseconds. */
const bufferPollMs = 50

/** @see Reception */
export function createReception(
  socket: WASocket,
  { self, inbox, groups, handlers, isClosed, onFailure }: ReceptionOptions,
): Reception {
  let toldName: string | undefined
  // Inbox rows of what Baileys has acted on, while events of it may be in its buffer.
  const acted: string[] = []
  const inOrder = handleInOrder(
    socket.ws,
    {
      before: (node) => inbox.noteStanza(node),
      after(node) {
        if (node.attrs['category'] !== 'peer') return
        const stanzaKey = stanzaKeyOf(node.attrs as Record<string, string>)
        const notice = inbox.takeHistory(stanzaKey)
        // Nobody but the account's own phone sends history.
        if (notice && isOwn(node.attrs['from'])) handlers.onHistory(notice)
        else hasActedOn(stanzaKey)
      },
    },
    onFailure,
  )
  storeBeforeAck(
    socket.ws,
    'CB:receipt',
    createReceiptSink({ self, handedOn, onBatch: (batch) => handlers.onBatch(batch) }),
    onFailure,
  )
  storeBeforeAck(socket.ws, 'CB:notification', storeNotice, onFailure)
  socket.ws.on('CB:ack,class:message', (node: BinaryNode) => {
    groups.onAck(node)
    const id = node.attrs['id']
    if (id) handlers.onAck(id, node.attrs['error'])
  })

  async function storeNotice(node: BinaryNode): Promise<boolean> {
    const batch = self() ? readPeopleNotice(node) : null
    // What happens in a group is a notice there, in its order; a picture concerns more than that.
    if (!(await groups.store(node))) return false
    if (!batch) return true
    // A number that changed is told after what came under the old one.
    await handedOn()
    return handlers.onBatch(batch)
  }

  async function handedOn(): Promise<void> {
    await inOrder.idle()
    while (socket.ev.isBuffering() && !isClosed()) await pause(bufferPollMs)
  }

  function isOwn(jid: string | undefined): boolean {
    const me = self()
    const from = normalizeJid(jid)
    return from !== null && (from === me?.phone || from === me?.lid)
  }

  function hasActedOn(stanzaKey: string): void {
    acted.push(stanzaKey)
    settleActed()
  }

  /** Takes the messages to the device out of the inbox, after everything that came of them. */
  function settleActed(): void {
    if (acted.length === 0 || socket.ev.isBuffering()) return
    void handlers.onBatch({ ...emptyBatch(), inbox: acted.splice(0) })
  }

  function onUnreadable(error: unknown, inboxKey: string): void {
    onFailure(error)
    handlers.onUnreadable(inboxKey, error)
  }

  return {
    handedOn,
    idle: () => inOrder.idle(),
    handOn(events) {
      for (const seen of events['presence.update'] ? readPresence(events['presence.update']) : [])
        handlers.onPresence(seen)
      const me = self()
      if (me) {
        const batch = normalise(events, me, onUnreadable, toldName)
        toldName = batch?.ownName ?? toldName
        if (batch) void handlers.onBatch(batch)
        settleActed()
      }
      for (const answer of readMediaAnswers(events)) handlers.onMediaAnswer(answer)
      for (const news of readRestrictions(events)) handlers.onRestriction(news)
    },
    redeliver(messages) {
      for (const message of messages) {
        const notice = takeHistoryOfMessage(message)
        socket
          .upsertMessage(message, 'append')
          .then(() => (notice ? handlers.onHistory(notice) : hasActedOn(stanzaKeyOfMessage(message))))
          .catch(onFailure)
      }
    },
  }
}
