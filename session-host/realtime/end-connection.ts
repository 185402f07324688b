import type { Socket } from 'socket.io'
import { innerSocket } from './inner-socket.ts'

/** How long a client has to read what was said last before its connection is cut, in ms. */
const graceMs = 500

/**
 * Ends a connection. Socket.IO would wait until the client has read all that was sent before and answered the closing handshake: one that
 * doesn't read would keep a connection that it has no right to.
 */
export function endConnection(socket: Pick<Socket, 'conn' | 'disconnect'>): void {
  const inner = innerSocket(socket.conn)
  socket.disconnect(true)
  const timer = setTimeout(() => inner?.terminate(), graceMs)
  inner?.once('close', () => clearTimeout(timer))
}
