import type { RealtimeChannel, RealtimeChannelOptions, SupabaseClient } from '@supabase/supabase-js'

export interface Broadcast {
  event: string
  payload: unknown
  meta?: { id: string }
}

/** What a client's channel brought, in order. */
export interface Listener {
  channel: RealtimeChannel
  received: Broadcast[]
  /** The next broadcast that was not asked for yet. */
  next(): Promise<Broadcast>
  /** Resolves with the reason once the server has ended the channel. */
  closed: Promise<string>
  /** Resolves when the channel joins again. */
  rejoined(): Promise<void>
}

/** Thrown when a join is refused; the message is the server's reason. */
export class JoinError extends Error {}

/**
 * Joins a channel with the stock client and collects its broadcasts. Waits until broadcasts from the database arrive too, which on the
 * platform may be later than the join. Throws `JoinError`.
 */
export async function listen(
  client: SupabaseClient,
  topic: string,
  config: RealtimeChannelOptions['config'] = {},
): Promise<Listener> {
  const received: Broadcast[] = []
  const waiting: ((broadcast: Broadcast) => void)[] = []
  let asked = 0
  let reason = ''
  const closed = Promise.withResolvers<string>()
  const joined = Promise.withResolvers<void>()
  const ready = Promise.withResolvers<void>()
  let again = Promise.withResolvers<void>()
  await client.realtime.setAuth()

  const broadcast = { ...config.broadcast, replication_ready: true }
  const channel = client.channel(topic, { config: { ...config, broadcast } })
  channel.on('broadcast', { event: '*' }, (message) => {
    received.push(message as unknown as Broadcast)
    waiting.shift()?.(message as unknown as Broadcast)
  })
  channel.on('system', {}, ({ status, message }: { status: string; message: string }) => {
    if (status === 'ok') ready.resolve()
    else reason = message
  })
  channel.subscribe((status, error) => {
    if (status === 'SUBSCRIBED') {
      joined.resolve()
      again.resolve()
    } else if (status === 'CLOSED') closed.resolve(reason)
    else joined.reject(new JoinError(error?.message ?? status))
  })
  joined.promise.catch(() => void client.removeChannel(channel)) // else the client tries for ever
  await joined.promise
  await ready.promise
  return {
    channel,
    received,
    closed: closed.promise,
    next() {
      const found = received[asked++]
      return found ? Promise.resolve(found) : new Promise((resolve) => waiting.push(resolve))
    },
    rejoined() {
      again = Promise.withResolvers<void>()
      return again.promise
    },
  }
}
