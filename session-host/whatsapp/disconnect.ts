import type { SessionReason } from '#shared/session.ts'

/** What a host does when WhatsApp's connection ends. */
export type Reaction =
  /** Connect again with the same credentials: at once, or after a growing pause. */
  | { action: 'reconnect'; pause: 'none' | 'backoff'; reason: SessionReason }
  /** The phone or WhatsApp unlinked us: the credentials are worthless, wipe them and ask for a new scan. */
  | { action: 'forget'; reason: SessionReason }
  /** A person has to look: stop without touching the credentials. */
  | { action: 'stop'; reason: SessionReason }
  /** No phone scanned the QR in time, or linking failed: try again within the bounds of one request. */
  | { action: 'retry-linking'; reason: SessionReason }

/**
 * One row a code of Baileys' `lastDisconnect.error.output.statusCode`, as observed against a protocol-level server. Two rules stand out:
 * every unknown stream error arrives as 500 "bad session", so it never costs credentials, and 440 means that another connection of the
 * same device is alive, so answering it with a reconnect would start a fight that nobody wins.
 */
const whenLinked: Record<number, Reaction> = {
  401: { action: 'forget', reason: 'logged_out' },
  403: { action: 'stop', reason: 'forbidden' },
  405: { action: 'stop', reason: 'outdated_client' },
  408: { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' },
  411: { action: 'stop', reason: 'outdated_client' },
  428: { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' },
  440: { action: 'stop', reason: 'replaced' },
  500: { action: 'reconnect', pause: 'backoff', reason: 'bad_session' },
  503: { action: 'reconnect', pause: 'backoff', reason: 'server_unavailable' },
  515: { action: 'reconnect', pause: 'none', reason: 'connection_lost' },
}

/** The reaction to a close. `linked` is whether a phone has confirmed the pairing (creds.me); before that the same codes mean less. */
export function reactTo(code: number | undefined, linked: boolean): Reaction {
  if (!linked) {
    // 408 without an account means that the QR references ran out, not that the link was lost.
    return { action: 'retry-linking', reason: code === 408 ? 'link_expired' : 'link_failed' }
  }
  return whenLinked[code ?? 0] ?? { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' }
}

/** Full jitter, as AWS's "Exponential Backoff and Jitter": a random pause up to base · 2^attempt, at most the cap. Milliseconds. */
export function backoffPause(attempt: number, random: () => number, base = 500, cap = 60_000): number {
  return Math.floor(random() * Math.min(cap, base * 2 ** Math.min(attempt, 20)))
}
