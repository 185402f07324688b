import {
  addTransactionCapability,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  proto,
  type BinaryNode,
  type SignalDataSet,
  type SignalKeyStore,
} from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import type { CredentialStorage } from './auth-state.ts'
import { createInbox } from './inbox.ts'

const group = '120363000000000001@g.us'
const author = '200000000000002:0@lid'
const quiet = { level: 'silent', child: () => quiet, trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** Baileys' own signal repository on keys in memory. */
function party(make = DEFAULT_CONNECTION_CONFIG.makeSignalRepository, storage?: Pick<CredentialStorage, 'findInbox'>) {
  const rows = new Map<string, unknown>()
  const inbox = new Map<string, { stanzaKey: string; value: Buffer }>()
  const store = {
    async get(type: string, ids: string[]) {
      return Object.fromEntries(
        ids.flatMap((id) => (rows.has(`${type}/${id}`) ? [[id, rows.get(`${type}/${id}`)]] : [])),
      )
    },
    async set(data: SignalDataSet & { inbox?: Record<string, { stanzaKey: string; value: Buffer }> }) {
      for (const [type, values] of Object.entries(data))
        for (const [id, value] of Object.entries(values ?? {}))
          if (type === 'inbox') inbox.set(id, value as never)
          else rows.set(`${type}/${id}`, value)
    },
  } as unknown as SignalKeyStore
  const keys = addTransactionCapability(store, quiet as never, { maxCommitRetries: 1, delayBetweenTriesMs: 1 })
  const creds = initAuthCreds()
  creds.me = { id: '34600000001:1@s.whatsapp.net', lid: '200000000000001:1@lid' }
  return { repository: make({ creds, keys } as never, quiet as never, async () => undefined), rows, inbox, storage }
}

async function groupMessage(
  text: string,
): Promise<{ key: proto.Message.ISenderKeyDistributionMessage; ciphertext: Uint8Array }> {
  const sender = party()
  const padded = Buffer.concat([proto.Message.encode({ conversation: text }).finish(), Buffer.from([1])])
  const { ciphertext, senderKeyDistributionMessage } = await sender.repository.encryptGroupMessage({
    group,
    meId: author,
    data: padded,
  })
  return { ciphertext, key: { groupId: group, axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage } }
}

const stanza = (ciphertext: Uint8Array, more: Record<string, string> = {}): BinaryNode => ({
  tag: 'message',
  attrs: { from: group, participant: author, id: 'G1', t: '1700000000', ...more },
  content: [{ tag: 'enc', attrs: { type: 'skmsg', v: '2' }, content: ciphertext }],
})

test('a group’s message is kept with its ratchet in one write, and a second copy is answered with the same text', async () => {
  const written: string[] = []
  const storage = {
    async findInbox(id: string): Promise<Buffer | null> {
      written.push(id)
      return receiver.inbox.get(id)?.value ?? null
    },
  }
  const inbox = createInbox(storage as CredentialStorage, () => {})
  const receiver = party(inbox.makeSignalRepository)
  const { key, ciphertext } = await groupMessage('hola grupo')
  await receiver.repository.processSenderKeyDistributionMessage({ authorJid: author, item: key })
  inbox.noteStanza(stanza(ciphertext))
  const first = await receiver.repository.decryptGroupMessage({ group, authorJid: author, msg: ciphertext })
  expect(proto.Message.decode(first.subarray(0, -1)).conversation).toBe('hola grupo')
  expect(receiver.inbox.size).toBe(1)

  // At once, and out of the offline queue.
  for (const more of [{}, { offline: '1' }]) {
    inbox.noteStanza(stanza(ciphertext, more))
    const again = await receiver.repository.decryptGroupMessage({ group, authorJid: author, msg: ciphertext })
    expect(Buffer.from(again)).toEqual(Buffer.from(first))
  }
  expect(written.length).toBe(2)
})

test('what can’t be decrypted and never was is a failure, and a storage that can’t tell is fatal', async () => {
  const failures: unknown[] = []
  let away = false
  const storage = {
    async findInbox(): Promise<null> {
      if (away) throw new Error('away')
      return null
    },
  }
  const inbox = createInbox(storage as unknown as CredentialStorage, (error) => failures.push(error))
  const receiver = party(inbox.makeSignalRepository)
  const { ciphertext } = await groupMessage('sin clave')
  inbox.noteStanza(stanza(ciphertext))
  await expect(receiver.repository.decryptGroupMessage({ group, authorJid: author, msg: ciphertext })).rejects.toThrow(
    /./,
  )
  expect(failures).toEqual([])
  expect(receiver.inbox.size).toBe(0)
  away = true
  inbox.noteStanza(stanza(ciphertext))
  await expect(receiver.repository.decryptGroupMessage({ group, authorJid: author, msg: ciphertext })).rejects.toThrow(
    'away',
  )
  expect(failures).toHaveLength(1)
})
