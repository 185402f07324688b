import { Curve, generateSignalPubKey } from '@whiskeysockets/baileys'
import * as libsignal from 'libsignal'
import { expect, test } from 'vitest'
import { pruneSession } from './prune-session.ts'
import { silenceLibsignal } from './silence-libsignal.ts'
import { undoFailedDecrypts } from './undo-failed-decrypts.ts'

/** One end of a conversation, which keeps its sessions as the key store does. */
interface End {
  say(text: string): Promise<Said>
  hear(said: Said): Promise<string>
  /** Chains that its session holds. */
  chains(): number
}

interface Said {
  type: number
  body: Buffer
}

silenceLibsignal()
undoFailedDecrypts()

test('a conversation of a thousand turns keeps a handful of chains and goes on; what was overtaken long ago can still be read', async () => {
  const { ana, bea } = await meet()
  expect(await bea.hear(await ana.say('hola'))).toBe('hola')
  expect(await ana.hear(await bea.say('buenas'))).toBe('buenas')
  const overtaken = await ana.say('la que llega tarde')
  const heard = await ana.say('la que llega antes')
  expect(await bea.hear(heard)).toBe('la que llega antes')
  for (let turn = 0; turn < 500; turn += 1) {
    expect(await ana.hear(await bea.say(`ida ${turn}`))).toBe(`ida ${turn}`)
    expect(await bea.hear(await ana.say(`vuelta ${turn}`))).toBe(`vuelta ${turn}`)
  }
  // Five to receive on, one to send on, and the one that waited.
  expect(ana.chains()).toBe(6)
  expect(bea.chains()).toBe(7)
  expect(await bea.hear(overtaken)).toBe('la que llega tarde')
  // Once more is refused, and does no harm.
  for (const old of [overtaken, heard]) await expect(bea.hear(old)).rejects.toThrow('No matching sessions')
  expect(await ana.hear(await bea.say('y sigue'))).toBe('y sigue')
  expect(await bea.hear(await ana.say('claro'))).toBe('claro')
  expect(bea.chains()).toBe(6)
})

test('of chains whose messages never came the newest forty stay', async () => {
  const { ana, bea } = await meet()
  await bea.hear(await ana.say('hola'))
  const lost: Said[] = []
  for (let turn = 0; turn < 60; turn += 1) {
    await ana.hear(await bea.say(`ida ${turn}`))
    lost.push(await ana.say(`perdida ${turn}`))
    await bea.hear(await ana.say(`vuelta ${turn}`))
  }
  expect(bea.chains()).toBe(41)
  const readable = await Promise.all(lost.map((said) => bea.hear(said).then(Boolean, () => false)))
  expect(readable).toEqual(lost.map((_, turn) => turn >= 20))
})

test('a message that was under way while both ends began anew is read, and the new session goes on as it was', async () => {
  const { ana, bea, beginAnew } = await meet()
  await bea.hear(await ana.say('hola'))
  await ana.hear(await bea.say('buenas'))
  const late = await ana.say('la que llega tarde')
  await beginAnew()
  expect(await bea.hear(await ana.say('de nuevo'))).toBe('de nuevo')
  expect(await ana.hear(await bea.say('sí'))).toBe('sí')
  expect(await bea.hear(await ana.say('bien'))).toBe('bien')
  expect(await bea.hear(late)).toBe('la que llega tarde')
  expect(await ana.hear(await bea.say('sigue'))).toBe('sigue')
  expect(await bea.hear(await ana.say('claro'))).toBe('claro')
})

test('what is no session is left as it is', () => {
  for (const value of [null, undefined, 'text', { version: 'v1' }, Buffer.from('key')])
    expect(pruneSession(value)).toBe(value)
})

/** Two devices, the first of which has the other's keys from the server. */
async function meet(): Promise<{ ana: End; bea: End; beginAnew: () => Promise<void> }> {
  const [ana, bea] = [createDevice('bea'), createDevice('ana')]
  const signature = Curve.sign(bea.identity.private, generateSignalPubKey(bea.signedPreKey.public))
  const beginAnew = () =>
    new libsignal.SessionBuilder(ana.storage, ana.other).initOutgoing({
      registrationId: 1,
      identityKey: generateSignalPubKey(bea.identity.public),
      signedPreKey: { keyId: 1, publicKey: generateSignalPubKey(bea.signedPreKey.public), signature },
    } as Parameters<libsignal.SessionBuilder['initOutgoing']>[0])
  await beginAnew()
  return { ana: ana.end, bea: bea.end, beginAnew }
}

function createDevice(name: string) {
  const identity = Curve.generateKeyPair()
  const signedPreKey = Curve.generateKeyPair()
  const other = new libsignal.ProtocolAddress(name, 0)
  let stored = ''
  const storage: libsignal.SignalStorage = {
    loadSession: () => Promise.resolve(stored ? libsignal.SessionRecord.deserialize(JSON.parse(stored)) : undefined),
    storeSession(_id, record) {
      stored = JSON.stringify(pruneSession(record.serialize()))
      return Promise.resolve()
    },
    isTrustedIdentity: () => true,
    loadPreKey: () => Promise.resolve(undefined),
    removePreKey: () => undefined,
    loadSignedPreKey: () => halvesOf(signedPreKey),
    getOurRegistrationId: () => 1,
    getOurIdentity: () => halvesOf(identity),
  }
  const cipher = new libsignal.SessionCipher(storage, other)
  const end: End = {
    async say(text) {
      const { type, body } = await cipher.encrypt(Buffer.from(text))
      return { type, body: Buffer.from(body, 'latin1') }
    },
    async hear({ type, body }) {
      const plain = await (type === 3 ? cipher.decryptPreKeyWhisperMessage(body) : cipher.decryptWhisperMessage(body))
      return plain.toString()
    },
    chains() {
      const { _sessions: sessions } = JSON.parse(stored) as { _sessions: Record<string, { _chains: object }> }
      return Object.values(sessions).reduce((sum, { _chains: chains }) => sum + Object.keys(chains).length, 0)
    },
  }
  return { identity, signedPreKey, other, storage, end }
}

function halvesOf(pair: { public: Uint8Array; private: Uint8Array }): { pubKey: Buffer; privKey: Buffer } {
  return { pubKey: Buffer.from(generateSignalPubKey(pair.public)), privKey: Buffer.from(pair.private) }
}
