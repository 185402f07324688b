import { io, type Socket } from 'socket.io-client'
import type { Acknowledgement } from '#shared/events.ts'

export interface ClientOptions {
  auth?: Record<string, unknown>
  headers?: Record<string, string>
  /** false (default): a test that loses its connection wants to see it. */
  reconnection?: boolean
}

/** A stock socket.io-client that remembers what it got. */
export interface TestClient extends AsyncDisposable {
  socket: Socket
  /** Everything received so far. */
  received: { event: string; data: unknown }[]
  emit(event: string, data?: unknown): void
  /** Emits and resolves with the acknowledgement. */
  ask<T = Record<string, unknown>>(event: string, data?: unknown): Promise<Acknowledgement<T>>
  /** The next one of an event that fits; each is given once, those received before count. */
  next<T = unknown>(event: string, fits?: (data: T) => boolean): Promise<T>
  /** Resolves with the reason when the connection has ended. */
  closed: Promise<string>
}

/** Long, because it is only how long a failing test waits. */
const patienceMs = 90_000

/** Connects over WebSocket, as the guide does. Rejects with the connect_error. */
export async function connectClient(url: string, options: ClientOptions = {}): Promise<TestClient> {
  const socket = io(url, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: options.reconnection ?? false,
    ...(options.auth ? { auth: options.auth } : {}),
    ...(options.headers ? { extraHeaders: options.headers } : {}),
  })
  const received: TestClient['received'] = []
  const given = new Set<object>()
  const waiting = new Set<() => void>()
  socket.onAny((event: string, data: unknown) => {
    received.push({ event, data })
    for (const check of waiting) check()
  })
  const closed = new Promise<string>((resolve) => socket.on('disconnect', resolve))
  await new Promise<void>((resolve, reject) => {
    function refused(error: Error): void {
      socket.disconnect()
      reject(error)
    }
    socket.once('connect_error', refused)
    socket.once('connect', () => {
      // From here on a failed attempt is one of a reconnect, which the client goes on with by itself.
      socket.off('connect_error', refused)
      resolve()
    })
  })
  return {
    socket,
    received,
    closed,
    emit: (event, data) => void socket.emit(event, ...(data === undefined ? [] : [data])),
    ask: (event, data) => socket.timeout(patienceMs).emitWithAck(event, ...(data === undefined ? [] : [data])),
    next<T>(event: string, fits: (data: T) => boolean = () => true) {
      return new Promise<T>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(check)
          reject(new Error(`"${event}" never came; received: ${received.map((each) => each.event).join(', ')}`))
        }, patienceMs)
        function check(): void {
          const found = received.find((each) => each.event === event && !given.has(each) && fits(each.data as T))
          if (!found) return
          given.add(found)
          clearTimeout(timer)
          waiting.delete(check)
          resolve(found.data as T)
        }
        waiting.add(check)
        check()
      })
    },
    async [Symbol.asyncDispose]() {
      socket.disconnect()
    },
  }
}
