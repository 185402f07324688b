import { connectClient, type TestClient } from '../connect-client.ts'

interface Envelope {
  seq: number
  sessionId: string
  type: string
  data: Record<string, unknown>
}

/** A Socket.IO consumer that comes back by itself with its cursor, whatever becomes of hosts. */
export interface Consumer extends AsyncDisposable {
  /** The last seq seen. */
  cursor(): number
  /** Ids of the messages created, as they came. */
  created(): string[]
  /** What should not have come: a gap, something twice, an order to begin anew. */
  violations: string[]
  /** Ends the connection, and does not come back until the function given back is called. */
  leave(): () => void
}

const retryMs = 100

/** @see Consumer. `url` is asked for at every connect. */
export async function followConsumer({
  sessionId,
  token,
  url,
}: {
  sessionId: string
  token: string
  url: () => string
}): Promise<Consumer> {
  const created: string[] = []
  const violations: string[] = []
  let cursor = 0
  let client: TestClient | undefined
  let stopped = false
  let away: PromiseWithResolvers<void> | undefined

  function take(event: Envelope): void {
    if (event.sessionId !== sessionId) return
    if (event.seq !== cursor + 1) violations.push(`seq ${event.seq} after ${cursor}`)
    cursor = Math.max(cursor, event.seq)
    if (event.type === 'message.created') created.push(String(event.data['message_id']))
  }

  async function follow(): Promise<void> {
    while (!stopped) {
      await away?.promise
      if (stopped) return
      const connected = await connectClient(url()).catch(() => undefined)
      if (!connected) {
        await new Promise((resolve) => setTimeout(resolve, retryMs))
        continue
      }
      client = connected
      connected.socket.on('event', take)
      connected.socket.on('resync', () => violations.push(`resync at ${cursor}`))
      connected.socket
        .timeout(20_000)
        .emitWithAck('join', { token, since: { [sessionId]: cursor } })
        .then(
          (answer: { ok: boolean }) => {
            if (!answer.ok) connected.socket.disconnect()
          },
          () => connected.socket.disconnect(),
        )
      if (connected.socket.connected) await connected.closed
    }
  }
  const following = follow()

  return {
    cursor: () => cursor,
    created: () => created,
    violations,
    leave() {
      const absence = Promise.withResolvers<void>()
      away = absence
      client?.socket.disconnect()
      return () => {
        away = undefined
        absence.resolve()
      }
    },
    async [Symbol.asyncDispose]() {
      stopped = true
      away?.resolve()
      client?.socket.disconnect()
      await following
    },
  }
}
