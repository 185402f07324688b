import { createHash } from 'node:crypto'
import {
  cleanMessage,
  decodeMessageNode,
  DEFAULT_CONNECTION_CONFIG,
  proto,
  unpadRandomMax16,
  type AuthenticationCreds,
  type BinaryNode,
  type SignalKeyStoreWithTransaction,
  type SocketConfig,
  type WAMessage,
} from '@whiskeysockets/baileys'
import type { CredentialStorage } from './auth-state.ts'
import { takeHistory, type HistoryNotice } from './history-notice.ts'
import { isForgedWrapper, isOwnStanza } from './own-wrapper.ts'
import { stanzaKeyOf } from './stanza-key.ts'

/**
 * The write-ahead inbox. Baileys commits the ratchet while it decrypts and sends the receipt before the application sees the message
 * (messages-recv.js:1416 and :1432), so a crash in between loses it: WhatsApp has its receipt, and the ciphertext can't be decrypted
 * twice. Here plaintext and ratchet are committed in one transaction, before the receipt leaves; what was not projected is replayed at
 * the next start, and a redelivered ciphertext is answered from what is stored.
 */
export interface Inbox {
  makeSignalRepository: SocketConfig['makeSignalRepository']
  /** Tells the inbox about a stanza before Baileys decrypts it. */
  noteStanza(node: BinaryNode): void
  /** Chunks of history that were taken out of a stanza when it was decrypted; hands each out once. */
  takeHistory(stanzaKey: string): HistoryNotice | undefined
}

/**
 * A plaintext with one byte of padding around a message that says nothing: it projects to nothing, but earns the receipt. Not an empty
 * one, which might be of a kind that is not known yet, and is shown as such.
 */
const emptyMessage = Buffer.concat([proto.Message.encode({ messageContextInfo: {} }).finish(), Buffer.from([1])])

/** @see Inbox. `onFatal` hears of a storage that can't be read, before Baileys answers for a message that it may have decrypted already. */
export function createInbox(storage: Pick<CredentialStorage, 'findInbox'>, onFatal: (error: unknown) => void): Inbox {
  const stanzas = new Map<string, Record<string, string>>()
  const histories = new Map<string, HistoryNotice>()

  /** What Baileys gets of a plaintext. */
  function withoutHistory(
    attrs: Record<string, string> | undefined,
    plaintext: Uint8Array,
    me: Partial<AuthenticationCreds>['me'],
  ): Uint8Array {
    // Only the own phone announces history, whatever a stanza calls itself.
    const taken = attrs && isOwnStanza(attrs, me) && takeHistory(attrs, plaintext)
    if (!taken) return plaintext
    histories.set(taken.notice.stanzaKey, taken.notice)
    return taken.rest
  }

  async function decryptOnce(
    keys: SignalKeyStoreWithTransaction,
    me: Partial<AuthenticationCreds>['me'],
    ciphertext: Uint8Array,
    decrypt: (attrs: Record<string, string> | undefined) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const id = sha256(ciphertext)
    const attrs = stanzas.get(id)
    stanzas.delete(id)
    if (attrs?.['offline'] !== undefined) {
      const known = await recall(id)
      if (known) return withoutHistory(attrs, known, me)
    }
    try {
      const plain = await keys.transaction(async () => {
        const decrypted = await decrypt(attrs)
        const plaintext = attrs && isForgedWrapper(attrs, decrypted, me) ? emptyMessage : decrypted
        if (attrs) {
          const record = { stanzaKey: stanzaKeyOf(attrs), value: encodeEntry(attrs, plaintext) }
          // Not one of Baileys' key types; the key store takes it along in the same write.
          await keys.set({ inbox: { [id]: record } } as never)
        }
        return plaintext
      }, me?.id ?? 'unlinked')
      return withoutHistory(attrs, plain, me)
    } catch (error) {
      // A ciphertext that comes twice on one connection can't be decrypted twice, and was no failure the first time.
      const known = await recall(id)
      if (known) return withoutHistory(attrs, known, me)
      throw error
    }
  }

  async function recall(id: string): Promise<Uint8Array | null> {
    const stored = await storage.findInbox(id).catch((error: unknown) => {
      onFatal(error)
      throw error
    })
    if (stored === 'projected') return emptyMessage
    return stored && decodeEntry(stored).plaintext
  }

  return {
    noteStanza(node) {
      if (!Array.isArray(node.content)) return
      for (const child of node.content)
        if (child.tag === 'enc' && child.content instanceof Uint8Array)
          stanzas.set(sha256(child.content), node.attrs as Record<string, string>)
      // Stanzas that were refused before decryption would stay for ever.
      while (stanzas.size > 5_000) {
        const [oldest] = stanzas.keys()
        if (oldest !== undefined) stanzas.delete(oldest)
      }
    },
    takeHistory(stanzaKey) {
      const notice = histories.get(stanzaKey)
      histories.delete(stanzaKey)
      return notice
    },
    makeSignalRepository(auth, logger, pnToLid) {
      const repository = DEFAULT_CONNECTION_CONFIG.makeSignalRepository(auth, logger, pnToLid)
      const keys = auth.keys as SignalKeyStoreWithTransaction
      const decryptMessage = repository.decryptMessage.bind(repository)
      const decryptGroupMessage = repository.decryptGroupMessage.bind(repository)
      // The lock that a send holds from reading the ratchet to its commit (messages-send.js:468): with another one, a message that is
      // decrypted meanwhile would have its ratchet overwritten, or overwrite the send's, and a counter would be used twice.
      const creds = auth.creds as Partial<AuthenticationCreds>

      /** A group's key travels beside its first message; committed with it, it survives a crash between the two. */
      async function keepSenderKey(attrs: Record<string, string> | undefined, plaintext: Uint8Array): Promise<void> {
        const authorJid = attrs?.['participant']
        if (!authorJid) return
        const item = proto.Message.decode(unpadRandomMax16(plaintext)).senderKeyDistributionMessage
        if (item) await repository.processSenderKeyDistributionMessage({ authorJid, item })
      }
      return Object.assign(repository, {
        decryptMessage: (options: Parameters<typeof decryptMessage>[0]) =>
          decryptOnce(keys, creds.me, options.ciphertext, async (attrs) => {
            const plaintext = await decryptMessage(options)
            await keepSenderKey(attrs, plaintext)
            return plaintext
          }),
        decryptGroupMessage: (options: Parameters<typeof decryptGroupMessage>[0]) =>
          decryptOnce(keys, creds.me, options.msg, () => decryptGroupMessage(options)),
      })
    },
  }
}

/** A message out of the inbox, as Baileys would have handed it on. */
export interface ReplayedMessage {
  stanzaKey: string
  message: WAMessage
  /** It speaks to the device (history, keys), not to a person: Baileys has to act on it. */
  forDevice: boolean
}

/** Messages that were decrypted before a crash, in order. Those that can't be decoded, which Baileys could not either, are left out. */
export function replayMessages(
  entries: { stanzaKey: string; value: Buffer }[],
  me: { id: string; lid?: string | undefined },
): ReplayedMessage[] {
  return entries.flatMap(({ stanzaKey, value }) => {
    try {
      const { attrs, plaintext } = decodeEntry(value)
      const { fullMessage } = decodeMessageNode({ tag: 'message', attrs }, me.id, me.lid ?? '')
      const content = proto.Message.decode(unpadRandomMax16(plaintext))
      const message = fullMessage as WAMessage
      message.message = content.deviceSentMessage?.message ?? content
      // As Baileys does before it hands a message on (messages-recv.js:1431): keys in this account's view.
      cleanMessage(message, me.id, me.lid ?? '')
      return [{ stanzaKey, message, forDevice: isForDevice(message) }]
    } catch {
      return []
    }
  })
}

const { Type } = proto.Message.ProtocolMessage
/** What Baileys takes from the account itself only (process-message.js:228). */
const deviceTypes = new Set<proto.Message.ProtocolMessage.Type | null | undefined>([
  Type.HISTORY_SYNC_NOTIFICATION,
  Type.APP_STATE_SYNC_KEY_SHARE,
  Type.LID_MIGRATION_MAPPING_SYNC,
  Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE,
])

/** True for what the account's phone tells its devices: no message of a chat. */
export function isForDevice({ key, message }: WAMessage): boolean {
  return key.fromMe === true && deviceTypes.has(message?.protocolMessage?.type)
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function encodeEntry(attrs: Record<string, string>, plaintext: Uint8Array): Buffer {
  return Buffer.from(JSON.stringify({ attrs, plaintext: Buffer.from(plaintext).toString('base64') }), 'utf8')
}

function decodeEntry(value: Buffer): { attrs: Record<string, string>; plaintext: Buffer } {
  const entry = JSON.parse(value.toString('utf8')) as { attrs: Record<string, string>; plaintext: string }
  return { attrs: entry.attrs, plaintext: Buffer.from(entry.plaintext, 'base64') }
}
