import type { SessionReason } from '#shared/session.ts'
import type { Close } from './close.ts'

/** What a host does when WhatsApp's connection ends. */
export type Reaction =
  /** Connect again with the same credentials: at once, or after a growing pause. */
  | { action: 'reconnect'; pause: 'none' | 'backoff'; reason: SessionReason }
  /** The phone or WhatsApp unlinked us: the credentials are worthless, wipe them and ask for a new scan. */
  | { action: 'forget'; reason: SessionReason }
  /** A person has to look: stop without touching the credentials. `alert` is for operators as well. */
  | { action: 'stop'; reason: SessionReason; alert: boolean }
  /** WhatsApp no longer takes the client's version: learn the current one and connect again; stop when there is no newer one. */
  | { action: 'refresh-version'; reason: SessionReason }
  /** No phone scanned the QR in time, or linking failed: try again within the bounds of one request. */
  | { action: 'retry-linking'; reason: SessionReason }

/**
 * One row a code that WhatsApp gives, as Baileys reports it (`lastDisconnect.error.output.statusCode`) and as observed against a
 * protocol-level server. Two rules stand out: every unknown stream error arrives as 500 "bad session", so it never costs credentials, and
 * 440 means that another connection of the same device is alive, so answering it with a reconnect would start a fight that nobody wins.
 */
export const disconnects: Readonly<Record<number, Reaction>> = {
  400: { action: 'reconnect', pause: 'backoff', reason: 'server_unavailable' },
  401: { action: 'forget', reason: 'logged_out' },
  402: { action: 'stop', reason: 'temporarily_banned', alert: true },
  403: { action: 'stop', reason: 'forbidden', alert: true },
  405: { action: 'refresh-version', reason: 'outdated_client' },
  406: { action: 'stop', reason: 'forbidden', alert: true },
  408: { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' },
  409: { action: 'refresh-version', reason: 'outdated_client' },
  411: { action: 'stop', reason: 'device_refused', alert: true },
  428: { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' },
  429: { action: 'reconnect', pause: 'backoff', reason: 'rate_limited' },
  440: { action: 'stop', reason: 'replaced', alert: false },
  500: { action: 'reconnect', pause: 'backoff', reason: 'bad_session' },
  501: { action: 'reconnect', pause: 'backoff', reason: 'server_unavailable' },
  503: { action: 'reconnect', pause: 'backoff', reason: 'server_unavailable' },
  515: { action: 'reconnect', pause: 'none', reason: 'connection_lost' },
}

/** Ends with 500 in a row after which the credentials are suspected, and said so. They are kept. */
export const suspectAfter = 5

/**
 * The reaction to a close. `linked` is whether a phone has confirmed the pairing (creds.me); before that the same codes mean less.
 * `badSessions` is how many closes with 500 came in a row, this one included.
 */
export function reactTo(close: Close, linked: boolean, badSessions = 0): Reaction {
  if (!linked) {
    if (close.by === 'whatsapp' && disconnects[close.code ?? 0]?.action === 'refresh-version')
      return { action: 'refresh-version', reason: 'outdated_client' }
    // Nobody scanned in time: WhatsApp's references ran out, or this side's deadline came. Everything else is a failure to connect.
    return {
      action: 'retry-linking',
      reason: close.by === 'qr' || close.by === 'host' ? 'link_expired' : 'link_failed',
    }
  }
  if (close.by === 'upgrade') return { action: 'reconnect', pause: 'backoff', reason: reasonOfStatus(close.code ?? 0) }
  if (close.by !== 'whatsapp') return { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' }
  const reaction = disconnects[close.code ?? 0] ?? { action: 'reconnect', pause: 'backoff', reason: 'connection_lost' }
  if (reaction.reason === 'bad_session' && badSessions >= suspectAfter)
    return { action: 'reconnect', pause: 'backoff', reason: 'credentials_suspect' }
  return reaction
}

/** By class: the server's own trouble passes, a refusal is of something between it and us. */
function reasonOfStatus(status: number): SessionReason {
  if (status === 429) return 'rate_limited'
  return status >= 500 ? 'server_unavailable' : 'endpoint_refused'
}

/** Full jitter, as AWS's "Exponential Backoff and Jitter": a random pause up to base · 2^attempt, at most the cap. Milliseconds. */
export function backoffPause(attempt: number, random: () => number, base = 500, cap = 60_000): number {
  return Math.floor(random() * Math.min(cap, base * 2 ** Math.min(attempt, 20)))
}
