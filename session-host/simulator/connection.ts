import type { WebSocket } from 'ws'
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys/lib/WABinary/index.js'
import { createFrameReader, frame } from './frames.ts'
import type { KeyPair } from './key-pair.ts'
import { createNoiseResponder, type ClientFinish, type NoiseTransport } from './noise.ts'
import type { Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'

/** One client's encrypted connection, from the handshake on. */
export interface Connection {
  readonly open: boolean
  /** Who it is, after a login. */
  login: { person: Person; device: Device } | undefined
  /** Stanzas may flow: the client has said `<active/>`. */
  active: boolean
  /** Reads but answers nothing any more (a fault). */
  silent: boolean
  /** NACKs that follow a retry receipt of this connection and mean the same: stanza id → how many. */
  nacksDue: Map<string, number>
  send(node: Stanza): void
  /** Puts bytes on the wire as they are: a frame's inside, `encrypted` for the client or not (a fault). */
  sendBytes(bytes: Uint8Array, encrypted: boolean): void
  /** Neither reads nor answers while TCP stays up, until `false` (a fault). */
  halfOpen(on: boolean): void
  /** Closes as a server does, after what was sent. */
  end(): void
  /** Cuts the wire. */
  destroy(): void
}

export interface ConnectionHandlers {
  /** After the handshake. */
  hello(connection: Connection, finish: ClientFinish): void
  /** Each stanza, one at a time and in order. */
  stanza(connection: Connection, node: Stanza): Promise<void>
  closed(connection: Connection): void
  /** The client broke the protocol; it is disconnected. */
  broken(error: unknown): void
}

export function acceptConnection(
  socket: WebSocket,
  server: { staticKey: KeyPair; certificates: Uint8Array },
  handlers: ConnectionHandlers,
): Connection {
  const reader = createFrameReader()
  let noise: ReturnType<typeof createNoiseResponder> | undefined
  let greeted = false
  let transport: NoiseTransport | undefined
  let work: Promise<void> = Promise.resolve()
  let open = true

  const connection: Connection = {
    get open() {
      return open
    },
    login: undefined,
    active: false,
    silent: false,
    nacksDue: new Map(),
    send(node) {
      if (!open || !transport || connection.silent) return
      socket.send(frame(transport.encrypt(encodeBinaryNode(node))))
    },
    sendBytes(bytes, encrypted) {
      if (open && transport) socket.send(frame(encrypted ? transport.encrypt(bytes) : bytes))
    },
    halfOpen(on) {
      connection.silent = on
      if (on) socket.pause()
      else socket.resume()
    },
    end() {
      close()
      socket.resume()
      socket.close(1000)
    },
    destroy() {
      close()
      socket.terminate()
    },
  }

  function close(): void {
    if (!open) return
    open = false
    handlers.closed(connection)
  }

  async function receive(bytes: Buffer): Promise<void> {
    if (transport) return handlers.stanza(connection, await decodeBinaryNode(transport.decrypt(bytes)))
    if (!reader.intro) return
    if (!greeted) {
      greeted = true
      noise = createNoiseResponder(server, reader.intro)
      socket.send(frame(noise.hello(bytes)))
      return
    }
    const finish = noise?.finish(bytes)
    if (!finish) return
    transport = finish.transport
    handlers.hello(connection, finish)
  }

  socket.on('message', (data: Buffer) => {
    let frames: Buffer[]
    try {
      frames = reader.push(data)
    } catch (error) {
      handlers.broken(error)
      connection.destroy()
      return
    }
    for (const each of frames) {
      work = work
        .then(() => (open ? receive(each) : undefined))
        .catch((error: unknown) => {
          handlers.broken(error)
          connection.destroy()
        })
    }
  })
  socket.on('close', close)
  socket.on('error', close)
  return connection
}
