import type { Socket } from 'socket.io'
import { innerSocket } from './inner-socket.ts'

/** What waits for a client to read it. */
export interface Backlog {
  /** So much that nothing should be added before the client has read. */
  isFull(): boolean
}

/** Packets at most that wait behind those that the operating system has not taken yet. */
const mostPackets = 256
/** Bytes at most that the operating system has not taken yet. */
const mostBytes = 1024 * 1024

/** Watches what a connection has not taken yet; calls `onRoom` whenever some of it left and there is room. */
export function watchBacklog({ conn }: Pick<Socket, 'conn'>, onRoom: () => void): Backlog {
  const isFull = (): boolean =>
    waitingPackets(conn) >= mostPackets || (innerSocket(conn)?.bufferedAmount ?? 0) >= mostBytes
  // After every batch that was handed to the operating system; Engine.IO's own `drain` comes before that.
  conn.transport.on('ready', () => {
    if (!isFull()) onRoom()
  })
  return { isFull }
}

/** Engine.IO queues packets while the transport has not handed on those before. */
function waitingPackets(conn: object): number {
  return (conn as { writeBuffer: unknown[] }).writeBuffer.length
}
