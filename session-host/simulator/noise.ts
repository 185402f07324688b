import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { agree, ephemeralKeyPair, type KeyPair } from './key-pair.ts'

/** The two directions of an established Noise channel, seen from the server. */
export interface NoiseTransport {
  encrypt(plain: Uint8Array): Buffer
  /** @throws when the frame is not the next one of this client */
  decrypt(cipher: Uint8Array): Buffer
}

/** What the client proved and said in its last handshake message. */
export interface ClientFinish {
  clientStatic: Buffer
  payload: proto.ClientPayload
  transport: NoiseTransport
}

/**
 * Responder of Noise_XX_25519_AESGCM_SHA256 as WhatsApp runs it (messages wrapped in WAProto `HandshakeMessage`).
 * Source: the Noise specification, sections 5 and 7.5; WhatsApp's prologue and framing after Baileys `Utils/noise-handler.js`.
 */
export function createNoiseResponder(server: { staticKey: KeyPair; certificates: Uint8Array }, intro: Uint8Array) {
  let hash: Buffer = Buffer.from(PROTOCOL)
  let salt: Buffer = hash
  let key: Buffer = hash
  let counter = 0
  const ephemeral = ephemeralKeyPair()
  mixHash(intro)

  /** Takes the client's hello frame, gives the server's hello frame. */
  function hello(frame: Uint8Array): Uint8Array {
    const theirs = proto.HandshakeMessage.decode(frame).clientHello?.ephemeral
    if (theirs?.length !== 32) throw new Error('handshake: no client hello')
    mixHash(theirs)
    mixHash(ephemeral.public)
    mixKey(agree(ephemeral.private, theirs))
    const staticKey = seal(server.staticKey.public)
    mixKey(agree(server.staticKey.private, theirs))
    const payload = seal(server.certificates)
    return proto.HandshakeMessage.encode({
      serverHello: { ephemeral: ephemeral.public, static: staticKey, payload },
    }).finish()
  }

  /** Takes the client's finish frame; from here on the channel is open. */
  function finish(frame: Uint8Array): ClientFinish {
    const message = proto.HandshakeMessage.decode(frame).clientFinish
    if (!message?.static || !message.payload) throw new Error('handshake: no client finish')
    const clientStatic = open(message.static)
    mixKey(agree(ephemeral.private, clientStatic))
    const payload = proto.ClientPayload.decode(open(message.payload))
    const [reading, writing] = derive(salt, Buffer.alloc(0))
    return { clientStatic, payload, transport: createTransport(reading, writing) }
  }

  function mixHash(data: Uint8Array): void {
    hash = createHash('sha256').update(hash).update(data).digest()
  }
  function mixKey(secret: Uint8Array): void {
    ;[salt, key] = derive(salt, secret)
    counter = 0
  }
  function seal(plain: Uint8Array): Buffer {
    const cipher = encryptGcm(key, counter++, plain, hash)
    mixHash(cipher)
    return cipher
  }
  function open(cipher: Uint8Array): Buffer {
    const plain = decryptGcm(key, counter++, cipher, hash)
    mixHash(cipher)
    return plain
  }
  return { hello, finish }
}

/** Exactly 32 bytes, so it is the initial hash itself. */
const PROTOCOL = 'Noise_XX_25519_AESGCM_SHA256\0\0\0\0'
const TAG = 16

function createTransport(readKey: Buffer, writeKey: Buffer): NoiseTransport {
  let read = 0
  let written = 0
  return {
    encrypt: (plain) => encryptGcm(writeKey, written++, plain, Buffer.alloc(0)),
    decrypt: (cipher) => decryptGcm(readKey, read++, cipher, Buffer.alloc(0)),
  }
}

function derive(salt: Uint8Array, secret: Uint8Array): [Buffer, Buffer] {
  const okm = Buffer.from(hkdfSync('sha256', secret, salt, '', 64))
  return [okm.subarray(0, 32), okm.subarray(32)]
}

function encryptGcm(key: Buffer, counter: number, plain: Uint8Array, aad: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce(counter)).setAAD(aad)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decryptGcm(key: Buffer, counter: number, data: Uint8Array, aad: Buffer): Buffer {
  const bytes = Buffer.from(data)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce(counter)).setAAD(aad)
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG))
  return Buffer.concat([decipher.update(bytes.subarray(0, bytes.length - TAG)), decipher.final()])
}

function nonce(counter: number): Buffer {
  const iv = Buffer.alloc(12)
  iv.writeUInt32BE(counter, 8)
  return iv
}
