import { acceptCall } from './call.ts'
import type { WebSocket } from 'ws'
import { acceptConnection, type Connection } from './connection.ts'
import { answerIq } from './iq.ts'
import { acceptCodeRequest } from './link-by-code.ts'
import { isOutdated } from './client-revision.ts'
import { isLogin, logIn, refuse } from './login.ts'
import { acceptMessage } from './messages.ts'
import type { ClientFinish } from './noise.ts'
import { acceptPairingAnswer, offerReferences, type Candidate } from './pairing.ts'
import { acceptPresence } from './presence.ts'
import { acceptAck, acceptReceipt } from './receipts.ts'
import { child, type Stanza } from './stanza.ts'
import { recordUnhandled, type World } from './world.ts'

/** The WhatsApp end of a WebSocket, from the handshake to the last stanza. */
export interface WhatsAppServer {
  accept(socket: WebSocket): void
  /** Devices that show a QR code, by their connection. */
  candidates: ReadonlyMap<Connection, Candidate>
}

export function createWhatsAppServer(world: World): WhatsAppServer {
  const candidates = new Map<Connection, Candidate>()

  function hello(connection: Connection, finish: ClientFinish): void {
    if (isOutdated(world, finish.payload)) {
      refuse(connection, 405)
      return
    }
    if (isLogin(finish.payload)) {
      logIn(world, connection, finish)
      return
    }
    const candidate = offerReferences(world, connection, finish)
    if (candidate) candidates.set(connection, candidate)
    else refuse(connection, 400)
  }

  async function handle(connection: Connection, node: Stanza): Promise<void> {
    switch (node.tag) {
      case 'iq':
        if (acceptPairingAnswer(candidates.get(connection), node)) return
        if (acceptCodeRequest(world, connection, candidates.get(connection), node)) return
        answerIq(world, connection, node)
        return
      case 'message':
        return acceptMessage(world, connection, node)
      case 'receipt':
        return acceptReceipt(world, connection, node)
      case 'ack':
        acceptAck(world, connection, node)
        return
      case 'call':
        acceptCall(world, connection, node)
        return
      case 'presence':
      case 'chatstate':
        acceptPresence(world, connection, node)
        return
      case 'ib':
        // The whole backlog was sent already, and telemetry ids need no answer.
        if (!child(node, 'offline_batch') && !child(node, 'unified_session')) recordUnhandled(world, connection, node)
        return
      default:
        recordUnhandled(world, connection, node)
    }
  }

  function closed(connection: Connection): void {
    world.connections.delete(connection)
    world.overtaken.delete(connection)
    world.subscriptions.delete(connection)
    const candidate = candidates.get(connection)
    for (const reference of candidate?.references ?? []) world.references.delete(reference)
    candidate?.answered?.('gone')
    candidate?.byCode?.finished?.('gone')
    candidates.delete(connection)
    const { login } = connection
    if (login) world.events.publish('phone.offline', login.person.number, { device: login.device.id })
  }

  function accept(socket: WebSocket): void {
    const { keys, certificates } = world.state
    const connection = acceptConnection(
      socket,
      { staticKey: keys.static, certificates },
      { hello, stanza: handle, closed, broken: (error) => world.report(error) },
    )
    world.connections.add(connection)
  }

  return { accept, candidates }
}
