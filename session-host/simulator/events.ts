/** Something that happened in the simulator, for the phone page and for tests. `at` in milliseconds. */
export interface SimulatorEvent {
  id: number
  type: EventType
  at: number
  number: string
  [detail: string]: unknown
}

export type EventType =
  | 'phone.created'
  | 'code.requested'
  | 'phone.linked'
  | 'phone.online'
  | 'phone.offline'
  | 'device.unlinked'
  | 'message.sent'
  | 'message.arrived'
  | 'message.duplicate'
  | 'message.changed'
  | 'call.offered'
  | 'call.ended'
  | 'call.rejected'
  | 'media.asked_again'
  | 'receipt.delivered'
  | 'receipt.read'
  | 'receipt.played'
  | 'presence.changed'
  | 'block.changed'
  | 'number.changed'
  | 'group.changed'
  | 'setting.changed'
  | 'receipt.device'
  | 'receipt.retry'
  | 'history.sent'
  | 'load.changed'
  | 'script.finished'
  | 'camera.changed'
  | 'stanza.unhandled'

/** Publishes events and keeps the last ones, so that a listener who comes late misses nothing. */
export interface EventHub {
  publish(type: EventType, number: string, details?: Record<string, unknown>): void
  /** Calls back for each kept event after `after`, then for each new one; returns the way to stop it. */
  subscribe(after: number | undefined, listener: (event: SimulatorEvent) => void): () => void
}

export function createEventHub(): EventHub {
  const kept: SimulatorEvent[] = []
  const listeners = new Set<(event: SimulatorEvent) => void>()
  let last = 0
  return {
    publish(type, number, details = {}) {
      const event: SimulatorEvent = { ...details, id: ++last, type, at: Date.now(), number }
      kept.push(event)
      if (kept.length > KEPT) kept.shift()
      for (const listener of listeners) listener(event)
    },
    subscribe(after, listener) {
      if (after !== undefined) for (const event of kept.filter((each) => each.id > after)) listener(event)
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

const KEPT = 1000
