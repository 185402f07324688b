import type { Load, LoadMessage } from './load.ts'

/** What became of a load so far; latencies in milliseconds from the scheduled time to a companion's receipt. */
export function loadReport(load: Load, withMessages: boolean) {
  const measured = load.messages.filter((each) => each.sequence > 0)
  const sent = measured.filter((each) => each.sentAt !== null)
  const confirmed = measured.filter((each) => each.receiptAt !== null)
  const first = sent[0]?.scheduledAt ?? null
  const last = confirmed.reduce<number | null>((one, each) => Math.max(one ?? 0, each.receiptAt ?? 0), null)
  return {
    id: load.id,
    state: load.state,
    error: load.error ?? null,
    accounts: load.plan.accounts.map((each) => each.number),
    conversations: load.plan.accounts.length * load.plan.contacts,
    messages: measured.length,
    openers: load.messages.length - measured.length,
    sent: sent.length,
    confirmed: confirmed.length,
    began_at: first,
    last_receipt_at: last,
    late_ms: quantiles(sent.map((each) => (each.sentAt ?? 0) - (each.scheduledAt ?? 0))),
    receipt_ms: quantiles(confirmed.map((each) => (each.receiptAt ?? 0) - (each.scheduledAt ?? each.sentAt ?? 0))),
    ...(withMessages && { list: load.messages.map(view) }),
  }
}

/** How what somebody got differs from what a load sent. */
export interface LoadOutcome {
  sent: number
  received: number
  /** Sent, never seen. */
  lost: number
  /** Seen more than once: how many times too many. */
  doubled: number
  /** First sightings that came after a later message of the same conversation. */
  reordered: number
  /** Texts that are not of this load. */
  unknown: number
}

/** Compares the texts that somebody got, in the order in which they were seen, with what was sent. */
export function loadOutcome(
  sent: readonly { text: string; account: string; contact: string; sequence: number }[],
  texts: readonly string[],
): LoadOutcome {
  const known = new Map(sent.map((each) => [each.text, each]))
  const seen = new Set<string>()
  const latest = new Map<string, number>()
  let doubled = 0
  let reordered = 0
  let unknown = 0
  for (const text of texts) {
    const message = known.get(text)
    if (!message) {
      unknown++
      continue
    }
    if (seen.has(text)) {
      doubled++
      continue
    }
    seen.add(text)
    const conversation = `${message.account} ${message.contact}`
    const before = latest.get(conversation) ?? -1
    if (message.sequence < before) reordered++
    else latest.set(conversation, message.sequence)
  }
  return { sent: sent.length, received: texts.length, lost: sent.length - seen.size, doubled, reordered, unknown }
}

function view(message: LoadMessage) {
  const { id, text, account, contact, sequence } = message
  return {
    id,
    text,
    account,
    contact,
    sequence,
    scheduled_at: message.scheduledAt,
    sent_at: message.sentAt,
    receipt_at: message.receiptAt,
  }
}

function quantiles(values: number[]) {
  if (values.length === 0) return null
  const sorted = values.toSorted((one, other) => one - other)
  const at = (share: number): number => round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)])
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: round(sorted.at(-1)) }
}

function round(value = 0): number {
  return Math.round(value * 100) / 100
}
