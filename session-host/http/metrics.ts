import { createHash, timingSafeEqual } from 'node:crypto'
import { Hono } from 'hono'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** What is counted in the database at the moment of a scrape: of all hosts, not of this one. */
export interface HostFacts {
  sessions: { status: string; count: number }[]
  outboxPending: number
  outboxOldestSeconds: number
  quarantined: number
}

export interface MetricsOptions {
  /** What a scraper sends as bearer; null: there is no /metrics. */
  token: string | null
  facts: () => Promise<HostFacts>
  /** Sessions that this host holds. */
  running: () => number
  eventLoopDelay: () => { p50: number; p99: number; max: number }
}

export type Metrics = ReturnType<typeof createMetrics>

const statuses = ['unlinked', 'linking', 'connecting', 'connected', 'reconnecting', 'logged_out', 'stopped']

/**
 * Prometheus metrics of this host, and what its parts report them with. No label names a user, a number or a conversation. Names as
 * https://prometheus.io/docs/practices/naming/ wants them.
 */
export function createMetrics({ token, facts, running, eventLoopDelay }: MetricsOptions) {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> =>
    new Counter({ name: `wagateway_${name}`, help, labelNames, registers })
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> =>
    new Gauge({ name: `wagateway_${name}`, help, labelNames, registers })
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram({ name: `wagateway_${name}`, help, buckets, labelNames, registers })

  const sessions = gauge('sessions', 'Sessions by status, of all hosts on the database.', ['state'])
  const held = gauge('sessions_held', 'Sessions that this host holds the lease of.')
  const memory = gauge(
    'memory_per_session_bytes',
    'Resident memory of this host divided by the sessions that it holds.',
  )
  const outbox = gauge('outbox_pending', 'Messages that wait to be sent, of all hosts on the database.')
  const oldest = gauge('outbox_oldest_age_seconds', 'Age of the oldest message that waits to be sent.')
  const aside = gauge('quarantined_messages', 'Messages that could not be stored and are kept aside.')
  const delay = gauge('event_loop_delay_seconds', 'Delay of the event loop in the last sample.', ['quantile'])
  const transitions = counter('session_transitions_total', 'Changes of a session’s status.', ['to', 'reason'])
  const reconnects = counter('reconnects_total', 'Connections that ended and are made again.', ['reason'])
  const sends = histogram(
    'send_duration_seconds',
    'From submission to the end of a try: sent, failed for good, or unanswered (tried again).',
    [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
    ['outcome'],
  )
  const acks = histogram(
    'ack_duration_seconds',
    'From handing a message to WhatsApp to its server’s acknowledgement.',
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  )
  const lag = histogram(
    'event_lag_seconds',
    'From WhatsApp’s time of a live message (whole seconds) to its row.',
    [0.5, 1, 2, 3, 5, 10, 30, 60, 300, 3600],
  )
  const refused = counter('quarantined_total', 'Messages that this host kept aside.')
  const statements = histogram(
    'db_query_duration_seconds',
    'Round trips to the database.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    ['kind'],
  )
  const failures = counter('db_errors_total', 'Statements that failed, by SQLSTATE class or driver error.', ['class'])

  async function render(): Promise<string> {
    const now = await facts()
    const counts = new Map(now.sessions.map(({ status, count }) => [status, count]))
    for (const state of statuses) sessions.set({ state }, counts.get(state) ?? 0)
    held.set(running())
    memory.set(process.memoryUsage.rss() / Math.max(running(), 1))
    outbox.set(now.outboxPending)
    oldest.set(now.outboxOldestSeconds)
    aside.set(now.quarantined)
    for (const [quantile, value] of Object.entries(eventLoopDelay())) delay.set({ quantile }, value)
    return registry.metrics()
  }

  return {
    /** What sessions report. */
    sessions: {
      transition: (to: string, reason: string | null) => transitions.inc({ to, reason: reason ?? 'none' }),
      reconnect: (reason: string) => reconnects.inc({ reason }),
      send: (outcome: string, seconds: number) => sends.observe({ outcome }, seconds),
      acknowledged: (seconds: number) => acks.observe(seconds),
      received: (lagSeconds: number[]) => lagSeconds.forEach((seconds) => lag.observe(Math.max(seconds, 0))),
      quarantined: (count: number) => refused.inc(count),
    },
    /** What the database reports. */
    database: {
      done: (kind: 'query' | 'transaction', seconds: number) => statements.observe({ kind }, seconds),
      failed: (sqlClass: string) => failures.inc({ class: sqlClass }),
    },
    /** `GET /metrics` for who sends the token. */
    route: new Hono().get('/metrics', async (c) => {
      if (token === null) return c.notFound()
      const given = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
      if (given === undefined || !equal(given, token)) {
        c.header('WWW-Authenticate', 'Bearer')
        return c.text('METRICS_TOKEN is needed as a bearer token\n', 401)
      }
      return c.body(await render(), 200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' })
    }),
  }
}

/** Compares in a time that tells nothing of the token. */
function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
