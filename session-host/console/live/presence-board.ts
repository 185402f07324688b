import type { Presence } from '#shared/presence.ts'
import { createObservable, type Observable } from './observable.ts'

/** What somebody does at this moment, as far as it is known. */
export interface Activity {
  state: Presence['state']
  /** Who, in a group. */
  participant: string | null
  lastSeen: string | null
}

/** Who types, records or is online, by conversation. Typing that nobody takes back ends by itself. */
export interface PresenceBoard {
  activities: Observable<ReadonlyMap<string, Activity>>
  note: (presence: Presence) => void
  /** A message ends what its author was typing. */
  arrived: (conversationId: string) => void
  clear: () => void
}

/** WhatsApp repeats typing every ten seconds or so while it lasts. */
const typingMs = 25_000

export function createPresenceBoard(): PresenceBoard {
  const activities = createObservable<ReadonlyMap<string, Activity>>(new Map())
  const timers = new Map<string, ReturnType<typeof setTimeout>>()

  function put(id: string, activity: Activity | null): void {
    clearTimeout(timers.get(id))
    timers.delete(id)
    activities.set((known) => {
      const next = new Map(known)
      if (activity) next.set(id, activity)
      else next.delete(id)
      return next
    })
  }

  function calm(id: string): void {
    const known = activities.get().get(id)
    if (known && isBusy(known)) put(id, known.participant === null ? { ...known, state: 'available' } : null)
  }

  return {
    activities,
    note: ({ conversationId: id, participant, state, lastSeen }) => {
      put(id, { state, participant, lastSeen })
      if (isBusy({ state }))
        timers.set(
          id,
          setTimeout(() => calm(id), typingMs),
        )
    },
    arrived: calm,
    clear: () => {
      for (const timer of timers.values()) clearTimeout(timer)
      timers.clear()
      activities.set(new Map())
    },
  }
}

export function isBusy({ state }: Pick<Activity, 'state'>): boolean {
  return state === 'composing' || state === 'recording'
}
