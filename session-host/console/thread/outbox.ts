import type { Attachment } from '#shared/attachment.ts'
import type { Message } from '#shared/message.ts'
import { RestError, type NewMessage } from '../api/rest-client.ts'
import { createObservable, type Observable } from '../live/observable.ts'

/** A message that the server has not accepted yet. Its key makes a repeat harmless: the server answers the first result again. */
export interface OutgoingMessage {
  key: string
  conversationId: string
  text: string
  /** The message that it answers. */
  replyTo: Message | null
  /** Files that are in the user's folder already; each becomes a message. */
  attachments: readonly Attachment[]
  createdAt: string
  state: 'sending' | 'failed'
  error: unknown
}

export type OutgoingParts = Partial<Pick<OutgoingMessage, 'replyTo' | 'attachments'>>

export interface Outbox {
  outgoing: Observable<readonly OutgoingMessage[]>
  send: (conversationId: string, text: string, more?: OutgoingParts) => void
  retry: (key: string) => void
  discard: (key: string) => void
  /** True when a live event shows the very message that is just being sent: it then stands for the optimistic row. */
  claim: (message: Message) => void
  /** The row's key for a message that was sent from here, so that it stays the same row. */
  rowKeyOf: (messageId: string) => string | undefined
  clear: () => void
}

/** Sends messages one after another per conversation, so that their order holds; each is shown at once and replaced when accepted. */
export function createOutbox(dependencies: {
  sendMessage: (message: NewMessage) => Promise<Message[]>
  onAccepted: (message: Message) => void
}): Outbox {
  const outgoing = createObservable<readonly OutgoingMessage[]>([])
  const lanes = new Map<string, Promise<void>>()
  const rowKeys = new Map<string, string>()
  const inFlight = new Map<string, string>()

  function enqueue(message: OutgoingMessage): void {
    const lane = lanes.get(message.conversationId) ?? Promise.resolve()
    lanes.set(
      message.conversationId,
      lane.then(() => submit(message)),
    )
  }

  async function submit({ key, conversationId, text, replyTo, attachments }: OutgoingMessage): Promise<void> {
    if (!outgoing.get().some((message) => message.key === key)) return
    inFlight.set(conversationId, key)
    try {
      const accepted = await dependencies.sendMessage({
        conversationId,
        textContent: text,
        idempotencyKey: key,
        ...(replyTo ? { replyTo: replyTo.id } : {}),
        ...(attachments.length > 0 ? { attachments: [...attachments] } : {}),
      })
      forget(key)
      if (accepted[0]) rowKeys.set(accepted[0].id, key)
      for (const message of accepted) dependencies.onAccepted(message)
      remove(key)
    } catch (error) {
      forget(key)
      update(key, { state: 'failed', error: error instanceof RestError ? error : null })
    } finally {
      inFlight.delete(conversationId)
    }
  }

  function forget(key: string): void {
    for (const [id, rowKey] of rowKeys) if (rowKey === key) rowKeys.delete(id)
  }

  function update(key: string, change: Partial<OutgoingMessage>): void {
    outgoing.set((all) => all.map((message) => (message.key === key ? { ...message, ...change } : message)))
  }

  function remove(key: string): void {
    outgoing.set((all) => all.filter((message) => message.key !== key))
  }

  return {
    outgoing,
    send: (conversationId, text, { replyTo = null, attachments = [] } = {}) => {
      const message: OutgoingMessage = {
        key: crypto.randomUUID(),
        conversationId,
        text,
        replyTo,
        attachments,
        createdAt: new Date().toISOString(),
        state: 'sending',
        error: null,
      }
      outgoing.set((all) => [...all, message])
      enqueue(message)
    },
    retry: (key) => {
      const message = outgoing.get().find((candidate) => candidate.key === key)
      if (message?.state !== 'failed') return
      update(key, { state: 'sending', error: null })
      enqueue(message)
    },
    discard: remove,
    claim: (message) => {
      const key = inFlight.get(message.conversation_id)
      const sending = outgoing.get().find((candidate) => candidate.key === key)
      if (message.from_me && sending?.state === 'sending' && isSame(sending, message) && !rowKeys.has(message.id))
        if (![...rowKeys.values()].includes(sending.key)) rowKeys.set(message.id, sending.key)
    },
    rowKeyOf: (messageId) => rowKeys.get(messageId),
    clear: () => outgoing.set([]),
  }
}

/** Files are told by being files: their captions and names are the server's to arrange. */
function isSame({ text, attachments }: OutgoingMessage, message: Message): boolean {
  return attachments.length > 0 ? message.media_status !== null : text === message.text_content
}
