import type { Restriction } from '#shared/session.ts'
import type { SessionStore } from '../store/sessions.ts'
import type { RestrictionNews } from '../whatsapp/restrictions.ts'

/** What WhatsApp does not let the account do, kept in the session's row and told as events. */
export interface Restrictions {
  /** Takes up what is stored. */
  restore(restriction: Restriction | null, until: Date | null): void
  note(news: RestrictionNews): Promise<void>
  /** It has connected, so it is not banned (any more). */
  opened(): Promise<void>
  /** The restriction that forbids first messages to people, if there is one now. */
  forbidsFirstContact(): boolean
  stop(): void
}

/** @see Restrictions. `onExpired` is called when a restriction has run out; it calls back `note` in order with everything else. */
export function createRestrictions(
  sessions: Pick<SessionStore, 'restrict'>,
  onExpired: (kind: Restriction) => void,
): Restrictions {
  let current: { kind: Restriction; until: Date | null } | null = null
  let timer: NodeJS.Timeout | undefined

  function take(next: typeof current): void {
    clearTimeout(timer)
    current = next
    if (!next?.until) return
    const { kind } = next
    timer = setTimeout(
      () => onExpired(kind),
      Math.min(Math.max(next.until.getTime() - Date.now(), 0), longestTimeoutMs),
    )
    timer.unref()
  }

  async function note({ kind, active, until }: RestrictionNews): Promise<void> {
    // The end of one kind says nothing of another.
    if (!active && current?.kind !== kind) return
    take(active ? { kind, until } : null)
    await sessions.restrict(active ? kind : null, active ? until : null)
  }

  return {
    restore: (restriction, until) => take(restriction && { kind: restriction, until }),
    note,
    opened: () => note({ kind: 'temporarily_banned', active: false, until: null }),
    forbidsFirstContact: () =>
      current !== null &&
      current.kind !== 'temporarily_banned' &&
      (current.until === null || current.until.getTime() > Date.now()),
    stop: () => clearTimeout(timer),
  }
}

/** What setTimeout can hold. */
const longestTimeoutMs = 2_147_483_647
