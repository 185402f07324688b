import { createCipheriv, createDecipheriv, createHash, hkdfSync } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import { enqueue } from './delivery-queue.ts'
import { isGroupJid } from './group.ts'
import { jidOf } from './jid.ts'
import { mediaIn } from './media-message.ts'
import { encryptMedia, keepMedia } from './media-store.ts'
import { messageIn } from './phone-record.ts'
import { bytesOf, child, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

/**
 * `<receipt type="server-error">`: a companion could not get a file, so its phone uploads it again and says where, in `<notification
 * type="mediaretry">` (Baileys `encryptMediaRetryRequest`, `decodeMediaRetryNode`). Both are AES-256-GCM under
 * HKDF-SHA256(media key, 32, `WhatsApp Media Retry Notification`), with the message's id as associated data. A phone in airplane mode says nothing; one
 * that does not have the file either says so.
 */
export function answerMediaRetry(world: World, person: Person, device: Device, node: Stanza): void {
  const id = node.attrs.id ?? ''
  const about = child(node, 'rmr')
  if (person.airplane || !about) return
  const fromMe = about.attrs.from_me === 'true'
  const jid = about.attrs.jid ?? ''
  const other = isGroupJid(jid) ? jid : findPerson(world, jid)?.number
  const chat = person.chats.find((each) => each.with === other)
  const message = chat && messageIn(chat, id, fromMe)
  const media = message && mediaIn(message.content)
  const key = media?.fields.mediaKey
  const plain = key && world.phoneFiles.get(Buffer.from(key).toString('hex'))
  world.events.publish('media.asked_again', person.number, { message_id: id, device: device.id, found: plain ? 1 : 0 })
  const attributes = { id, t: seconds(), type: 'mediaretry', from: jidOf(person, 'pn') }
  if (!media || !key || !plain || !isGenuine(node, key, id)) {
    const code = media && plain ? DECRYPTION_ERROR : NOT_FOUND
    enqueue(world, person, device, stanza('notification', attributes, [stanza('error', { code }), about]))
    return
  }
  const file = encryptMedia(key, media.purpose, plain)
  const directPath = keepMedia(
    world,
    file,
    createHash('sha256').update(file).digest(),
    `-${seconds()}-${world.random.bytes(4).toString('hex')}`,
  )
  const answer = proto.MediaRetryNotification.encode({ stanzaId: id, directPath, result: SUCCESS }).finish()
  const iv = world.random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', retryKey(key), iv).setAAD(Buffer.from(id))
  const sealed = Buffer.concat([cipher.update(answer), cipher.final(), cipher.getAuthTag()])
  const encrypted = stanza('encrypt', {}, [stanza('enc_p', {}, sealed), stanza('enc_iv', {}, iv)])
  enqueue(world, person, device, stanza('notification', attributes, [encrypted, about]))
}

const { NOT_FOUND, DECRYPTION_ERROR, SUCCESS } = proto.MediaRetryNotification.ResultType

/** Whether the request was encrypted with the file's key, and is about this message. */
function isGenuine(node: Stanza, mediaKey: Uint8Array, id: string): boolean {
  const encrypted = child(node, 'encrypt')
  const sealed = bytesOf(child(encrypted, 'enc_p'))
  const iv = bytesOf(child(encrypted, 'enc_iv'))
  if (!sealed || !iv) return false
  try {
    const decipher = createDecipheriv('aes-256-gcm', retryKey(mediaKey), iv)
      .setAAD(Buffer.from(id))
      .setAuthTag(sealed.subarray(-16))
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
    return proto.ServerErrorReceipt.decode(plain).stanzaId === id
  } catch {
    return false
  }
}

function retryKey(mediaKey: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(0), 'WhatsApp Media Retry Notification', 32))
}
