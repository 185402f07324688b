import type { Socket } from 'socket.io'

/** The part of a WebSocket of the library `ws` that is used here. */
export interface InnerSocket {
  /** Bytes that were written and not taken by the operating system. */
  readonly bufferedAmount: number
  /** Sends a ping frame, which every client answers by itself (RFC 6455, section 5.5.2). */
  ping(): void
  /** Ends the connection at once, without the closing handshake. */
  terminate(): void
  once(event: 'pong' | 'close', listener: () => void): unknown
  off(event: 'pong' | 'close', listener: () => void): unknown
}

/** The WebSocket under a connection; there are no other transports here. Undefined once it is gone. */
export function innerSocket({ transport }: Pick<Socket['conn'], 'transport'>): InnerSocket | undefined {
  return (transport as object as { socket?: InnerSocket }).socket
}
