import type { SessionReason, SessionStatus } from '#shared/session.ts'

/** What sessions report for the metrics of their host. Counts and times only, nothing of anybody. */
export interface SessionMeasures {
  /** A session is in another status. */
  transition(to: SessionStatus, reason: SessionReason | null): void
  /** A connection ended and is made again. */
  reconnect(reason: SessionReason): void
  /** A message left for good or for now, this long after it was submitted, in seconds. */
  send(outcome: 'sent' | 'failed' | 'unanswered', seconds: number): void
  /** WhatsApp's server took this long to acknowledge a stanza, in seconds. */
  acknowledged(seconds: number): void
  /** Live messages were stored, each this long after WhatsApp's own time, in seconds. */
  received(lagSeconds: number[]): void
  /** Messages that could not be stored and are kept aside. */
  quarantined(count: number): void
}
