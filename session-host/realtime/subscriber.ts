import type { EventEnvelope } from '#shared/events.ts'
import type { Presence } from '#shared/presence.ts'
import type { SessionSummary } from '../store/event-reader.ts'

/** A live connection of a user, as the publisher feeds it. */
export interface Subscriber {
  readonly userId: string
  /** What to call a conversation towards this client: the id it used itself when it sent the message, else the JID. */
  conversationIdFor(messageId: string, externalId: string): string
  /** More waits for it to read than it should: it gets no more until the publisher is told to resume. */
  isFull(): boolean
  emit: {
    event(event: EventEnvelope): void
    qrCode(dataUrl: string): void
    pairingCode(code: { code: string; expires_at: string }): void
    sessionReady(session: SessionSummary): void
    sessionClosed(session: { id: string; reason: string }): void
    chatsUpdated(): void
    messageSent(data: { conversationId: string; messageId: string; sessionId: string }): void
    resync(data: { sessionId: string; seq: number }): void
    presence(presence: Presence): void
  }
}
