import type { KeyPair } from './key-pair.ts'
import type { Stanza } from './stanza.ts'

/** All that the simulator remembers; what `--data` keeps. Only data: buffers, strings, numbers, arrays, records. */
export interface ServerState {
  version: 1
  seed: string
  position: { drawn: number }
  keys: { root: KeyPair; intermediate: KeyPair; static: KeyPair }
  certificates: Buffer
  people: Person[]
  nextNumber: number
}

/** The form of a JID that a chat or a message is addressed by. */
export type Addressing = 'lid' | 'pn'

export type Status = 'sent' | 'delivered' | 'read'

/** A phone number with an account: the phone is its device 0, linked devices are its companions. */
export interface Person {
  number: string
  /** The name the person gave themselves (push name). */
  name: string
  lid: string
  identity: KeyPair
  registrationId: number
  signedPreKey: SignedPreKeyPair
  preKeys: { id: number; pair: KeyPair }[]
  nextPreKeyId: number
  /** libsignal session records, by address. */
  sessions: Record<string, unknown>
  appStateKey: { id: Buffer; data: Buffer }
  appState: Record<string, { version: number; patches: { version: number; bytes: Buffer }[] }>
  contacts: Contact[]
  chats: Chat[]
  nextMessage: number
  devices: Device[]
  /** The highest device number ever given. */
  lastDevice: number
  airplane: boolean
  /** What the server holds for the phone while it is in airplane mode. */
  waiting: PhoneStanza[]
  /** Messages that this phone could not read: id → how often it asked again. */
  retries: Record<string, number>
  /** Confirmations that came before the phone knew the message. */
  earlyStatus: Record<string, Status>
  blocked: string[]
  privacy: Record<string, string>
  about: string
  picture?: Buffer
}

export interface SignedPreKeyPair {
  id: number
  pair: KeyPair
  signature: Buffer
}

export interface Contact {
  number: string
  name: string
  /** In the phone's address book; otherwise only known from a chat. */
  saved: boolean
}

export interface Chat {
  with: string
  unread: number
  messages: PhoneMessage[]
}

/** A message as this phone shows it. */
export interface PhoneMessage {
  n: number
  id: string
  fromMe: boolean
  text: string
  /** The kind of content, after WAProto's field names: `conversation`, `imageMessage`, … */
  kind: string
  at: number
  status: Status
  via: string
  addressed: Addressing
  copies: number
  /** Read by this phone's person (for messages of others). */
  read: boolean
  /** The encoded WAProto `Message`, for sending it again. */
  content: Buffer
}

/** A linked device (companion): what the server keeps about it. */
export interface Device {
  id: number
  keyIndex: number
  noise: Buffer
  identity: Buffer
  registrationId: number
  signedPreKey: { id: number; value: Buffer; signature: Buffer }
  preKeys: { id: number; value: Buffer }[]
  platform: string
  linkedAt: number
  /** The encoded ADVSignedDeviceIdentity with both signatures. */
  deviceIdentity: Buffer
  queue: QueuedStanza[]
  historySent: boolean
  lowPreKeysTold: boolean
}

/** A stanza that stays until the device has answered it. */
export interface QueuedStanza {
  stanza: Stanza
  /** How often it was put on the wire. */
  sent: number
}

/** Something on its way to a phone (device 0). */
export type PhoneStanza =
  | { kind: 'plain'; from: string; id: string; at: number; addressed: Addressing; content: Buffer }
  | {
      kind: 'encrypted'
      from: string
      device: number
      /** The number of the chat it belongs to, seen from the receiving phone. */
      chat: string
      id: string
      at: number
      addressed: Addressing
      encryption: string
      ciphertext: Buffer
      deviceIdentity?: Buffer
      peer: boolean
    }
  | { kind: 'status'; id: string; by: string; status: Status; at: number }
