import type { EventEnvelope } from '#shared/events.ts'
import type { SessionSummary } from '../store/event-reader.ts'
import type { Subscriber } from './subscriber.ts'

/** The event itself, and the guide's names that are derived from it. */
export function deliver(subscriber: Subscriber, event: EventEnvelope, session: SessionSummary): void {
  subscriber.emit.event(event)
  if (event.type === 'session.status') {
    const { status } = event.data
    if (status === 'connected') subscriber.emit.sessionReady(session)
    if (status === 'logged_out' || status === 'stopped' || status === 'unlinked')
      subscriber.emit.sessionClosed({ id: session.id, reason: event.data.reason ?? status })
  }
  if (event.type === 'message.status' && event.data.status === 'sent') {
    const { message_id: messageId } = event.data
    const externalId = event.conversation?.external_id ?? event.data.conversation_id
    subscriber.emit.messageSent({
      conversationId: subscriber.conversationIdFor(messageId, externalId),
      messageId,
      sessionId: session.id,
    })
  }
}
