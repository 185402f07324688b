import type { WASocket } from '@whiskeysockets/baileys'
import { Unanswered, UpgradeRefused } from './close.ts'

/** The closing handshake of a dead peer never comes; ws itself would wait 30 s for it. Milliseconds. */
const closingMs = 2_000
/** The upgrade to a WebSocket and the first answer of the Noise handshake take no longer. Milliseconds. */
const greetingMs = 20_000

/** Sees to it that a socket gets somewhere, and that it ends when it is told to. */
export interface Deadlines {
  /** Ends the socket, for a reason or because it is no longer wanted. Baileys reports the end as an event. */
  end(reason: Error | undefined): void
  /** It is open, or shows a QR. */
  arrived(): void
  /** Baileys has reported its end. */
  ended(): void
}

/** @see Deadlines. `openTimeoutMs` from now it must be open or show a QR; `onEnd` hears that it is being ended. */
export function createDeadlines(socket: WASocket, openTimeoutMs: number, onEnd: () => void): Deadlines {
  let closing: NodeJS.Timeout | undefined
  // Baileys waits for ever when the endpoint answers the upgrade with an HTTP status, or the handshake with silence.
  const opening = setTimeout(() => end(new Unanswered('WhatsApp did not answer')), openTimeoutMs)
  const greeting = setTimeout(() => end(new Unanswered('WhatsApp did not greet')), greetingMs)
  socket.ws.once('message', () => clearTimeout(greeting))
  socket.ws.on('unexpected-response', (_request: unknown, response: { statusCode?: number }) =>
    end(new UpgradeRefused(response.statusCode ?? 0)),
  )

  function end(reason: Error | undefined): void {
    clearTimeout(opening)
    clearTimeout(greeting)
    onEnd()
    void socket.end(reason)
    closing ??= setTimeout(
      () => {
        const raw = Reflect.get(socket.ws, 'socket') as { terminate(): void } | null
        raw?.terminate()
      },
      reason instanceof Unanswered ? 0 : closingMs,
    )
  }

  return {
    end,
    arrived: () => clearTimeout(opening),
    ended() {
      clearTimeout(opening)
      clearTimeout(greeting)
      clearTimeout(closing)
    },
  }
}
