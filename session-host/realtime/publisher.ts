import { changesChats } from '#shared/events.ts'
import type { Presence } from '#shared/presence.ts'
import type { EventPage, EventReader, SessionSummary } from '../store/event-reader.ts'
import { deliver } from './deliver-event.ts'
import type { Logger } from './logger.ts'
import type { Subscriber } from './subscriber.ts'

/**
 * Feeds subscribers from the event log, each from its own cursor, so nothing is skipped or doubled between backfill and live. Nothing is
 * queued here: a client that reads slowly is fed as fast as it reads, from the log. One that falls far behind what happens, or whose
 * next events the log no longer keeps, is told to `resync` and goes on from the log's end.
 */
export interface Publisher {
  /**
   * Adds a subscriber. `since` is the seq after which it wants the events of its default session, or of sessions by id; without it,
   * only what happens from now on; again without it changes nothing. A cursor that is too old or from the future gets `resync`. Resolves when the backfill is out, or the
   * client has to read first.
   */
  subscribe(subscriber: Subscriber, since?: number | Record<string, number>): Promise<void>
  /** Says that the default session is ready, if it is. */
  announceReady(subscriber: Subscriber): Promise<void>
  unsubscribe(subscriber: Subscriber): void
  /** A client that was full has read: it goes on where it stopped. */
  resume(subscriber: Subscriber): void
  /** Sends the state of the default session: ready, or the QR and pairing code of the moment and every further one. */
  watchLinking(subscriber: Subscriber): Promise<void>
  /** Somebody is online or types: the user's connections are told, those that keep up. */
  showPresence(userId: string, presence: Presence): void
  /** Something may be new in a session. */
  wake(sessionId: string): void
  /** Something may be new anywhere: after a gap in the notifications. */
  wakeAll(): void
}

interface Feed {
  /** By session: the seq after which the client wants events. */
  cursors: Map<string, number>
  /** By session: how far it may be behind while it is full. More than usual while it reads what it asked for itself. */
  allowances: Map<string, number>
  /** What was sent last to link with, while the client waits for it. */
  linking: { version: number; qr: string | null; code: string | null } | null
}

interface Target {
  subscriber: Subscriber
  feed: Feed
  from: number
}

/** Events that are read at once. */
const pageSize = 200
/** Events that a client which doesn't read may be behind before it is told to read the lists anew. */
const mostBehind = 5_000
/** Sessions whose user is remembered. */
const mostOwners = 50_000

/** @see Publisher */
export function createPublisher({ reader, logger }: { reader: EventReader; logger: Logger }): Publisher {
  const feeds = new Map<Subscriber, Feed>()
  const users = new Map<string, Set<Subscriber>>()
  // Those that left while their subscription was under way.
  const gone = new WeakSet<Subscriber>()
  /** Sessions' users. */
  const owners = new Map<string, string>()
  const pumps = new Map<string, { again: boolean; done: Promise<void> }>()

  async function subscribe(subscriber: Subscriber, since?: number | Record<string, number>): Promise<void> {
    // It is fed already, and of a session that is made later it gets everything.
    if (since === undefined && feeds.has(subscriber)) return
    const sessions = await reader.sessionsOf(subscriber.userId)
    if (gone.has(subscriber)) return
    const known = feeds.get(subscriber)
    const feed: Feed = known ?? { cursors: new Map(), allowances: new Map(), linking: null }
    for (const session of sessions) {
      know(session)
      const wanted = typeof since === 'number' ? (session.is_default ? since : undefined) : since?.[session.id]
      if (wanted === undefined) {
        if (!feed.cursors.has(session.id)) feed.cursors.set(session.id, session.last_seq)
      } else if (wanted < session.first_seq - 1 || wanted > session.last_seq) resync(subscriber, feed, session)
      else {
        feed.cursors.set(session.id, wanted)
        feed.allowances.set(session.id, session.last_seq - wanted + mostBehind)
      }
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
    const owner = owners.get(sessionId)
    if (owner !== undefined && !users.get(owner)?.size) return
    // Most wakes are of one thing that happened, for clients that have had everything before: one read will do.
    const from = owner === undefined ? undefined : furthest(owner, sessionId)
    const page = from === undefined ? null : await reader.eventsAfter(sessionId, from, pageSize)
    const session = page?.session ?? (await reader.session(sessionId))
    if (!session) return void owners.delete(sessionId)
    know(session)
    if (page && from !== undefined) feedTargets(openTargets(session), from, page, session)
    const subscribers = users.get(session.user_id)
    if (!subscribers?.size) return
    await publishEvents(session)
    await publishLinking(session, subscribers)
  }

  /** The cursor of the client that has had most of a session's log. */
  function furthest(userId: string, sessionId: string): number | undefined {
    const cursors = [...(users.get(userId) ?? [])].flatMap((each) => feeds.get(each)?.cursors.get(sessionId) ?? [])
    return cursors.length > 0 ? Math.max(...cursors) : undefined
  }

  function know({ id, user_id: userId }: SessionSummary): void {
    // Whose a session is never changes.
    if (owners.size >= mostOwners) owners.clear()
    owners.set(id, userId)
  }

  async function publishEvents(session: SessionSummary): Promise<void> {
    for (;;) {
      const open = openTargets(session)
      if (open.length === 0) return
      // Who is furthest along first: a long backfill must not hold up what is live.
      const places = [...new Set(open.map(({ from }) => from))].toSorted((a, b) => b - a)
      for (const from of places) {
        const page = await reader.eventsAfter(session.id, from, pageSize)
        if (page) feedTargets(open, from, page, session)
      }
    }
  }

  function feedTargets(open: Target[], from: number, page: EventPage, session: SessionSummary): void {
    for (const target of open)
      // It may have left or asked for another start meanwhile: what was read does not join on then, the next round does.
      if (target.from === from && feeds.get(target.subscriber)?.cursors.get(session.id) === from)
        feedPage(target, page, session)
  }

  /** Who is behind the log and can take more. Who can't, and is too far behind, is told to resync. */
  function openTargets(session: SessionSummary): Target[] {
    return [...(users.get(session.user_id) ?? [])].flatMap((subscriber) => {
      const feed = feeds.get(subscriber)
      if (!feed) return []
      // A session made after the subscription: all of it is new to the client.
      const from = feed.cursors.get(session.id) ?? 0
      feed.cursors.set(session.id, from)
      if (from >= session.last_seq) {
        feed.allowances.delete(session.id)
        return []
      }
      if (!subscriber.isFull()) return [{ subscriber, feed, from }]
      if (session.last_seq - from > (feed.allowances.get(session.id) ?? mostBehind)) resync(subscriber, feed, session)
      return []
    })
  }

  function feedPage({ subscriber, feed, from }: Target, page: EventPage, session: SessionSummary): void {
    // The log was trimmed meanwhile: what comes next for this client is gone.
    if (page.firstSeq !== from + 1) return resync(subscriber, feed, session)
    let changed = false
    let cursor = page.lastSeq
    for (const event of page.events) {
      if (subscriber.isFull()) {
        cursor = event.seq - 1
        break
      }
      if (event.type === 'session.status' && event.data.status === 'connected') feed.linking = null
      deliver(subscriber, event, session)
      changed ||= changesChats(event.type)
    }
    if (changed) subscriber.emit.chatsUpdated()
    feed.cursors.set(session.id, cursor)
  }

  function resync(subscriber: Subscriber, feed: Feed, session: SessionSummary): void {
    feed.cursors.set(session.id, session.last_seq)
    feed.allowances.delete(session.id)
    subscriber.emit.resync({ sessionId: session.id, seq: session.last_seq })
  }

  async function publishLinking(session: SessionSummary, subscribers: Set<Subscriber>): Promise<void> {
    const waiting = [...subscribers].filter(
      (subscriber) => (feeds.get(subscriber)?.linking ?? null) !== null && !subscriber.isFull(),
    )
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
    resume(subscriber) {
      for (const sessionId of feeds.get(subscriber)?.cursors.keys() ?? []) void pump(sessionId)
    },
    watchLinking,
    showPresence(userId, presence) {
      for (const subscriber of users.get(userId) ?? []) if (!subscriber.isFull()) subscriber.emit.presence(presence)
    },
    wake: (sessionId) => void pump(sessionId),
    wakeAll() {
      for (const feed of feeds.values()) for (const sessionId of feed.cursors.keys()) void pump(sessionId)
    },
  }
}
