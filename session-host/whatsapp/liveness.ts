import { randomBytes } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { Unanswered } from './close.ts'

/** When a connection that says nothing counts as dead. Milliseconds. */
export interface LivenessTiming {
  /** Silence after which WhatsApp is asked. */
  pingAfterMs: number
  /** How long the answer may take. */
  pongWithinMs: number
}

/** What liveness needs of Baileys' socket. */
export interface LiveSocket {
  ws: {
    isOpen: boolean
    on(event: string, listener: () => void): unknown
  }
  sendNode(node: BinaryNode): Promise<void>
}

/** Watches one open connection. */
export interface Liveness {
  start(): void
  stop(): void
}

/**
 * Finds connections that are dead but look alive: after some silence a ping goes to WhatsApp's server, and a connection on which
 * nothing at all comes back in time is given up. (Baileys looks once in its keep-alive interval and waits 5 s more, socket.js:530: up to
 * 65 s.) A host that was itself stalled does not blame the connection: its clock only runs while the event loop does, and while what
 * is sent really leaves.
 */
export function createLiveness(
  socket: LiveSocket,
  { pingAfterMs, pongWithinMs }: LivenessTiming,
  onDead: (error: Unanswered) => void,
  /** Whether a ping would have to wait here. */
  isHolding: () => boolean = () => false,
): Liveness {
  const tickMs = Math.max(20, Math.min(1_000, pingAfterMs / 4, pongWithinMs / 4))
  let timer: NodeJS.Timeout | undefined
  let silentMs = 0
  let asked = false
  socket.ws.on('frame', () => {
    silentMs = 0
    asked = false
  })

  function tick(): void {
    if (!socket.ws.isOpen || isHolding()) return
    silentMs += tickMs
    if (asked && silentMs >= pingAfterMs + pongWithinMs) {
      stop()
      onDead(new Unanswered('WhatsApp did not answer a ping'))
    } else if (!asked && silentMs >= pingAfterMs) {
      asked = true
      // The answer to any ping is a frame, so nobody waits for this one's id. A send that fails ends the connection by itself.
      socket.sendNode(ping()).catch(() => undefined)
    }
  }

  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  return {
    start() {
      timer ??= setInterval(tick, tickMs)
    },
    stop,
  }
}

/** As Baileys' own keep-alive (socket.js:544). */
function ping(): BinaryNode {
  return {
    tag: 'iq',
    attrs: { id: `ping-${randomBytes(6).toString('hex')}`, to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' },
    content: [{ tag: 'ping', attrs: {} }],
  }
}
