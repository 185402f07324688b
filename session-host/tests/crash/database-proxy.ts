import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'

/** A way to the database that a test can cut or clog, while the database itself goes on. */
export interface DatabaseProxy extends AsyncDisposable {
  /** The database's URL, by this way. */
  url: string
  /** Ends every connection and takes no new one, until `open`. */
  cut(): void
  /** Ends every connection, and says to new ones that there are too many, as a server or pooler without a place does, until `open`. */
  fill(): void
  /** Lets nothing through either way, until `open`; connections stay. */
  clog(): void
  open(): void
}

/** @see DatabaseProxy */
export async function createDatabaseProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl)
  const pairs = new Set<[Socket, Socket]>()
  let state: 'open' | 'cut' | 'clogged' | 'full' = 'open'
  const server = createServer((near) => {
    near.on('error', () => undefined)
    if (state === 'cut') return void near.destroy()
    if (state === 'full') return void near.once('data', () => near.end(tooManyClients))
    const far = connect(Number(target.port), target.hostname)
    far.on('error', () => undefined)
    const pair: [Socket, Socket] = [near, far]
    pairs.add(pair)
    near.pipe(far)
    far.pipe(near)
    if (state === 'clogged') for (const socket of pair) socket.pause()
    for (const [one, other] of [pair, [far, near] as const])
      one.on('close', () => {
        pairs.delete(pair)
        other.destroy()
      })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)

  function end(): void {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
  }
  return {
    url: url.href,
    cut() {
      state = 'cut'
      end()
    },
    fill() {
      state = 'full'
      end()
    },
    clog() {
      state = 'clogged'
      for (const pair of pairs) for (const socket of pair) socket.pause()
    },
    open() {
      state = 'open'
      for (const pair of pairs) for (const socket of pair) socket.resume()
    },
    async [Symbol.asyncDispose]() {
      end()
      server.close()
      await once(server, 'close')
    },
  }
}

/** An ErrorResponse of the server, as the protocol has it: type, length, fields, end. */
const tooManyClients = ((): Buffer => {
  const fields = Buffer.from('SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0\0')
  const head = Buffer.from('E\0\0\0\0')
  head.writeInt32BE(fields.length + 4, 1)
  return Buffer.concat([head, fields])
})()
