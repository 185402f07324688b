import type { KeyPair } from './key-pair.ts'
import type { Stanza } from './stanza.ts'

/** All that the simulator remembers; what `--data` keeps. Only data: buffers, strings, numbers, arrays, records. */
export interface ServerState {
  version: 1
  seed: string
  position: { drawn: number }
  keys: { root: KeyPair; intermediate: KeyPair; static: KeyPair }
  certificates: Buffer
  /** Who issues the media host's certificate: key and certificate, DER. */
  mediaAuthority?: { key: Buffer; certificate: Buffer }
  people: Person[]
  groups?: Group[]
  nextNumber: number
}

/** The form of a JID that a chat or a message is addressed by. */
export type Addressing = 'lid' | 'pn'

export type Status = 'sent' | 'delivered' | 'read' | 'played'

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
  appState: Record<string, StateCollection>
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
  generated?: GeneratedHistory
  /** Behaves as a magic number does; not so a phone that was made on purpose. */
  magic?: boolean
  /** Others see only the LID: no stanza and no history names the number. */
  numberHidden?: boolean
  /** Sender keys of groups, own and others', by `group sender.device`. */
  senderKeys?: Record<string, Buffer>
  /** Which devices have the phone's own sender key: group → `lid.device`. */
  senderKeyHolders?: Record<string, string[]>
}

/** A group; its JID is `<id>@g.us`. */
export interface Group {
  id: string
  subject: string
  description: string
  /** Who made it: a number. */
  creator: string
  createdAt: number
  addressed: Addressing
  members: GroupMember[]
  onlyAdminsSend?: boolean
  onlyAdminsEdit?: boolean
  onlyAdminsAdd?: boolean
  /** Who joins by link waits for an admin. */
  approval?: boolean
  /** The code of the invitation link; made when somebody asks for it. */
  invite?: string
  picture?: Buffer
  /** 0 or absent: messages stay. */
  disappearingSeconds?: number
}

export interface GroupMember {
  number: string
  role: 'member' | 'admin' | 'superadmin'
}

export interface SignedPreKeyPair {
  id: number
  pair: KeyPair
  signature: Buffer
}

/** A history too large to be kept: it follows from its seed. */
export interface GeneratedHistory {
  seed: string
  conversations: number
  messages: number
  /** How many messages go into a chunk. */
  chunk: number
  /** Inside the message, or encrypted on the media host. */
  delivery: 'inline' | 'external'
  /** How many of the oldest messages of each conversation come only when asked for. */
  onDemand: number
}

/** A collection of settings; what was never changed has no hash yet. */
export interface StateCollection {
  version: number
  patches: { version: number; bytes: Buffer }[]
  /** LTHash, 128 bytes. */
  hash?: Buffer
  /** The MAC of each setting's value, by the MAC of its index. */
  values?: Record<string, { valueMac: Buffer }>
  /** The encoded records, by the same. */
  records?: Record<string, Buffer>
}

export interface Contact {
  number: string
  name: string
  /** In the phone's address book; otherwise only known from a chat. */
  saved: boolean
}

export interface Chat {
  /** A number, or a group's JID. */
  with: string
  unread: number
  messages: PhoneMessage[]
  archived?: boolean
  pinned?: boolean
  /** Milliseconds since 1970, -1 for ever, null when not muted. */
  mutedUntil?: number | null
  markedUnread?: boolean
  locked?: boolean
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
  /** Who wrote it in a group (a number), when it was somebody else. */
  author?: string
  starred?: boolean
  edited?: boolean
  /** Reactions by the number of who reacted, and votes on a poll by the number of who voted. */
  reactions?: Record<string, string>
  votes?: Record<string, string[]>
  /** In a group, of an own message: how far each other member is. */
  receipts?: Record<string, Status>
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
  | { kind: 'plain'; from: string; group?: string; id: string; at: number; addressed: Addressing; content: Buffer }
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
  | {
      kind: 'group'
      group: string
      from: string
      device: number
      id: string
      at: number
      /** The part for this phone alone (a sender key, or the message itself), then the one for all. */
      parts: { encryption: string; ciphertext: Buffer }[]
      deviceIdentity?: Buffer
    }
  | { kind: 'status'; id: string; by: string; group?: string; status: Status; at: number }
