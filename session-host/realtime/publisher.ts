import { changesChats, type EventEnvelope } from '#shared/events.ts'
import type { EventReader, SessionSummary } from '../store/event-reader.ts'
import type { Logger } from './logger.ts'

/** A live connection of a user, as the publisher feeds it. */
export interface Subscriber {
  readonly userId: string
  /** What to call a conversation towards this client: the id it used itself when it sent the message, else the JID. */
  conversationIdFor(messageId: string, externalId: string): string
  emit: {
    event(event: EventEnvelope): void
    qrCode(dataUrl: string): void
    pairingCode(code: { code: string; expires_at: string }): void
    sessionReady(session: SessionSummary): void
    sessionClosed(session: { id: string; reason: string }): void
    chatsUpdated(): void
    messageSent(data: { conversationId: string; messageId: string; sessionId: string }): void
    resync(data: { sessionId: string; seq: number }): void
  }
}

/** Feeds subscribers from the event log, each from its own cursor, so nothing is skipped or doubled between backfill and live. */
export interface Publisher {
  /**
   * Adds a subscriber. `since` is the seq after which it wants the events of its default session, or of sessions by id; without it,
   * only what happens from now on. A cursor that is too old or from the future gets `resync`. Resolves when the backfill is out.
   */
  subscribe(subscriber: Subscriber, since?: number | Record<string, number>): Promise<void>
  /** Says that the default session is ready, if it is. */
  announceReady(subscriber: Subscriber): Promise<void>
  unsubscribe(subscriber: Subscriber): void
  /** Sends the state of the default session: ready, or the QR and pairing code of the moment and every further one. */
  watchLinking(subscriber: Subscriber): Promise<void>
  /** Something may be new in a session. */
  wake(sessionId: string): void
  /** Something may be new anywhere: after a gap in the notifications. */
  wakeAll(): void
}

interface Feed {
  cursors: Map<string, number>
  /** What was sent last to link with, while the client waits for it. */
  linking: { version: number; qr: string | null; code: string | null } | null
}

const page = 500

/** @see Publisher */
export function createPublisher({ reader, logger }: { reader: EventReader; logger: Logger }): Publisher {
  const feeds = new Map<Subscriber, Feed>()
  const users = new Map<string, Set<Subscriber>>()
  // Those that left while their subscription was under way.
  const gone = new WeakSet<Subscriber>()
  const pumps = new Map<string, { again: boolean; done: Promise<void> }>()

  async function subscribe(subscriber: Subscriber, since?: number | Record<string, number>): Promise<void> {
    const sessions = await reader.sessionsOf(subscriber.userId)
    if (gone.has(subscriber)) return
    const known = feeds.get(subscriber)
    const feed: Feed = known ?? { cursors: new Map(), linking: null }
    for (const session of sessions) {
      const wanted = typeof since === 'number' ? (session.is_default ? since : undefined) : since?.[session.id]
      if (wanted === undefined) {
        if (!feed.cursors.has(session.id)) feed.cursors.set(session.id, session.last_seq)
      } else if (wanted < session.first_seq - 1 || wanted > session.last_seq) {
        feed.cursors.set(session.id, session.last_seq)
        subscriber.emit.resync({ sessionId: session.id, seq: session.last_seq })
      } else feed.cursors.set(session.id, wanted)
    }
    feeds.set(subscriber, feed)
    const peers = users.get(subscriber.userId) ?? new Set()
    users.set(subscriber.userId, peers.add(subscriber))
    await Promise.all(sessions.map((session) => pump(session.id)))
  }

  async function announceReady(subscriber: Subscriber): Promise<void> {
    const current = (await reader.sessionsOf(subscriber.userId)).find((session) => session.is_default)
    if (current?.status === 'connected') subscriber.emit.sessionReady(current)
  }

  async function watchLinking(subscriber: Subscriber): Promise<void> {
    const feed = feeds.get(subscriber)
    if (!feed) return
    const session = (await reader.sessionsOf(subscriber.userId)).find((row) => row.is_default)
    if (!session) return
    if (!feed.cursors.has(session.id)) feed.cursors.set(session.id, 0)
    if (session.status === 'connected') return subscriber.emit.sessionReady(session)
    feed.linking ??= { version: 0, qr: null, code: null }
    feed.linking.qr = null
    feed.linking.version = 0
    await pump(session.id)
  }

  function pump(sessionId: string): Promise<void> {
    const active = pumps.get(sessionId)
    if (active) {
      active.again = true
      return active.done
    }
    const state = { again: true, done: Promise.resolve() }
    state.done = (async () => {
      while (state.again) {
        state.again = false
        await publish(sessionId)
      }
    })()
      .catch((error: unknown) => {
        logger.warn(
          { session: sessionId, error: error instanceof Error ? error.message : 'unknown' },
          'publishing failed',
        )
        // The next wake, or the periodic one, carries on from the cursors.
      })
      .finally(() => pumps.delete(sessionId))
    pumps.set(sessionId, state)
    return state.done
  }

  async function publish(sessionId: string): Promise<void> {
    if (feeds.size === 0) return
    const session = await reader.session(sessionId)
    if (!session) return
    const subscribers = users.get(session.user_id)
    if (!subscribers?.size) return
    await publishEvents(session)
    await publishLinking(session, subscribers)
  }

  async function publishEvents(session: SessionSummary): Promise<void> {
    for (;;) {
      const targets = [...(users.get(session.user_id) ?? [])].flatMap((subscriber) => {
        const feed = feeds.get(subscriber)
        // A session made after the subscription: all of it is new to the client.
        if (feed && !feed.cursors.has(session.id)) feed.cursors.set(session.id, 0)
        return feed ? [{ subscriber, feed }] : []
      })
      if (targets.length === 0) return
      let missed = false
      const from = Math.min(...targets.map(({ feed }) => feed.cursors.get(session.id) ?? 0))
      const events = await reader.eventsAfter(session.id, from, page)
      for (const { subscriber, feed } of targets) {
        const cursor = feed.cursors.get(session.id) ?? 0
        // It asked for an earlier start meanwhile: what was read does not join on, the next round does.
        if (cursor < from) {
          missed = true
          continue
        }
        const fresh = events.filter((event) => event.seq > cursor)
        for (const event of fresh) deliver(subscriber, event, session)
        if (fresh.some((event) => changesChats(event.type))) subscriber.emit.chatsUpdated()
        feed.cursors.set(session.id, Math.max(cursor, fresh.at(-1)?.seq ?? 0))
      }
      if (events.length < page && !missed) return
    }
  }

  async function publishLinking(session: SessionSummary, subscribers: Set<Subscriber>): Promise<void> {
    const waiting = [...subscribers].filter((subscriber) => (feeds.get(subscriber)?.linking ?? null) !== null)
    if (waiting.length === 0 || !session.is_default || session.status !== 'linking') return
    const secrets = await reader.linkingSecrets(session.id)
    if (!secrets) return
    for (const subscriber of waiting) {
      const sent = feeds.get(subscriber)?.linking
      if (!sent || sent.version === secrets.version) continue
      sent.version = secrets.version
      if (secrets.qr !== null && secrets.qr !== sent.qr) subscriber.emit.qrCode((sent.qr = secrets.qr))
      if (secrets.code !== null && secrets.code.code !== sent.code) {
        sent.code = secrets.code.code
        subscriber.emit.pairingCode(secrets.code)
      }
    }
  }

  /** The event itself, and the guide's names that are derived from it. */
  function deliver(subscriber: Subscriber, event: EventEnvelope, session: SessionSummary): void {
    subscriber.emit.event(event)
    if (event.type === 'session.status') {
      const { status } = event.data
      if (status === 'connected') {
        const feed = feeds.get(subscriber)
        if (feed) feed.linking = null
        subscriber.emit.sessionReady(session)
      }
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

  return {
    subscribe,
    announceReady,
    unsubscribe(subscriber) {
      gone.add(subscriber)
      feeds.delete(subscriber)
      const peers = users.get(subscriber.userId)
      peers?.delete(subscriber)
      if (peers?.size === 0) users.delete(subscriber.userId)
    },
    watchLinking,
    wake: (sessionId) => void pump(sessionId),
    wakeAll() {
      for (const feed of feeds.values()) for (const sessionId of feed.cursors.keys()) void pump(sessionId)
    },
  }
}
