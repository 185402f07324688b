import type { Connection } from './connection.ts'
import type { EventHub } from './events.ts'
import type { Faults } from './faults.ts'
import { parseJid } from './jid.ts'
import type { SeededSource } from './seeded-source.ts'
import type { SentChunk } from './sent-chunk.ts'
import type { Serial } from './serial.ts'
import { outline, type Stanza } from './stanza.ts'
import type { Addressing, Device, Person, ServerState } from './state.ts'

/** Everything that the server's parts share: the lasting state, and what is alive only now. */
export interface World {
  state: ServerState
  random: SeededSource
  events: EventHub
  faults: Faults
  serial: Serial
  /** Every open connection, whatever its stage. */
  connections: Set<Connection>
  /** Reference in a QR code → the connection that shows it. */
  references: Map<string, Connection>
  /** Next logins that fail: number → how. */
  loginFailures: Map<string, { reason: number; times: number }>
  /** Message stanzas that a fault keeps until the next one has gone, by connection. */
  overtaken: Map<Connection, () => void>
  /** Until when (seconds since 1970) WhatsApp restricts a number. */
  timelocks: Map<string, number>
  /** Whose presence a connection has asked for, and in which form of JID. */
  subscriptions: Map<Connection, Map<Person, Addressing>>
  /** Acknowledgements (and what follows them) that a fault holds back, by number. */
  heldBack: Map<string, { acknowledgements: (() => void)[]; confirmations: (() => void)[] }>
  /** Deliveries that are about to be confirmed, and what has to wait for that. */
  deliveriesDue: Map<string, (() => void)[]>
  /** Encrypted files of the media host, by path. */
  media: Map<string, Buffer>
  /** Chunks of history that phones have sent, by `number:device/notification id`. */
  historyChunks: Map<string, SentChunk>
  /** What a phone (its number) sets just before the next upload of a companion's settings arrives. */
  beforeUpload: Map<string, () => Promise<unknown>>
  /** What is wrong with some of them, by path. */
  mediaTrouble: Map<string, 'gone' | 'truncated' | 'slow'>
  /** Files that phones have, by their media key in hexadecimal. */
  phoneFiles: Map<string, Buffer>
  /** The host and port of the media host. */
  mediaHost: () => string
  camera: { png: Buffer; at: number } | undefined
  unhandled: UnhandledStanza[]
  counters: Record<string, number>
  receiptDelayMs: number
  /** The host and port of this server, for clients. */
  host: () => string
  /** Says that the state changed and is to be saved. */
  changed(): void
  /** An error of the simulator itself or of a client's protocol: for the log. */
  report(error: unknown): void
  /** Runs a task later; at the end of the simulator what is still due runs at once. */
  later(delayMs: number, task: () => void): void
}

export interface UnhandledStanza {
  at: number
  number: string | null
  device: number | null
  stanza: string
}

/** The person behind a number or a JID in either form; undefined when nobody has it. */
export function findPerson(world: World, numberOrJid: string): Person | undefined {
  const jid = parseJid(numberOrJid)
  if (jid?.addressed === 'lid') return world.state.people.find((each) => each.lid === jid.user)
  const number = jid ? jid.user : numberOrJid.replace(/^\+/, '')
  return world.state.people.find((each) => each.number === number)
}

/** The open, logged-in connection of a device. */
export function connectionOf(world: World, person: Person, device: Device): Connection | undefined {
  for (const each of world.connections) if (each.login?.person === person && each.login.device === device) return each
  return undefined
}

/** Notes a stanza that the simulator has no answer for. */
export function recordUnhandled(world: World, connection: Connection, node: Stanza): void {
  const { person, device } = connection.login ?? {}
  const entry = { at: Date.now(), number: person?.number ?? null, device: device?.id ?? null, stanza: outline(node) }
  world.unhandled.push(entry)
  count(world, 'unhandled')
  world.events.publish('stanza.unhandled', person?.number ?? '', { stanza: entry.stanza })
}

export function count(world: World, name: string): void {
  world.counters[name] = (world.counters[name] ?? 0) + 1
}

/** A stanza or message id in the style of an Android phone. */
export function messageId(world: World): string {
  return world.random.bytes(16).toString('hex').toUpperCase()
}

/** Seconds since 1970, the unit of times on the wire. */
export function seconds(milliseconds: number = Date.now()): number {
  return Math.floor(milliseconds / 1000)
}
