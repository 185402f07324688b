/** How fast a session's messages leave. 0 turns a rule off. */
export interface PacingRules {
  /** Between two messages, in ms; each pause is from half to one and a half of it. */
  intervalMs: number
  /** Between two first messages to somebody, in ms, jittered alike. */
  firstContactMs: number
  /** Messages a minute to one person or group. */
  recipientPerMinute: number
}

/** When messages of a session may leave: an account that writes like a machine is one that WhatsApp restricts. */
export interface Pacing {
  /** Whether any rule is on. */
  readonly isOn: boolean
  /**
   * How long a message has to wait for its turn, in ms. 0: it may leave now, and its turn is used up. Who has to wait keeps its turn and
   * asks again then. Only the first of a burst leaves at once, so an answer to somebody never waits for nothing.
   */
  turn(message: { id: string; to: string; isFirstContact: boolean }): number
}

/** Clocks of the host and the database tick apart; who comes this much too early need not come again. */
const slackMs = 20
const minuteMs = 60_000
/** Turns and recipients in memory at most; the oldest are forgotten. */
const mostKept = 10_000

/** @see Pacing. `random` gives [0, 1), `now` milliseconds. */
export function createPacing(
  { intervalMs, firstContactMs, recipientPerMinute }: PacingRules,
  random: () => number = Math.random,
  now: () => number = Date.now,
): Pacing {
  // A message is held until its recipient may be written to, then queues with all others for its place.
  const turns = new Map<string, { at: number; hasPlace: boolean }>()
  const departures = new Map<string, number[]>()
  let nextPlace = 0
  let nextFirstContact = 0

  function jittered(pauseMs: number): number {
    return pauseMs * (0.5 + random())
  }

  /** When this recipient may be written to; that time is taken. */
  function hold(to: string, isFirstContact: boolean): number {
    let at = now()
    if (isFirstContact && firstContactMs > 0) {
      at = Math.max(at, nextFirstContact)
      nextFirstContact = at + jittered(firstContactMs)
    }
    if (recipientPerMinute <= 0) return at
    const before = departures.get(to) ?? []
    const oldest = before.length < recipientPerMinute ? undefined : before[0]
    if (oldest !== undefined) at = Math.max(at, oldest + minuteMs)
    departures.delete(to)
    keep(departures, to, [...before, at].slice(-recipientPerMinute))
    return at
  }

  /** The next place in the session's queue; it is taken. */
  function place(): number {
    const at = Math.max(now(), nextPlace)
    if (intervalMs > 0) nextPlace = at + jittered(intervalMs)
    return at
  }

  return {
    isOn: intervalMs > 0 || firstContactMs > 0 || recipientPerMinute > 0,
    turn({ id, to, isFirstContact }) {
      let turn = turns.get(id) ?? { at: hold(to, isFirstContact), hasPlace: false }
      if (!turn.hasPlace && turn.at <= now() + slackMs) turn = { at: place(), hasPlace: true }
      const wait = turn.at - now()
      turns.delete(id)
      if (wait <= slackMs) return 0
      keep(turns, id, turn)
      return wait
    },
  }
}

function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.set(key, value)
  for (const oldest of kept.keys()) {
    if (kept.size <= mostKept) return
    kept.delete(oldest)
  }
}
