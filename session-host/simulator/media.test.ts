import { createHash, randomBytes } from 'node:crypto'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import {
  downloadMediaMessage,
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  type AnyMessageContent,
  type WAMessage,
} from '@whiskeysockets/baileys'
import { afterEach, expect, test } from 'vitest'
import { pem } from './media-certificate.ts'
import { MEDIA_KINDS } from './media-message.ts'
import { createSimulator } from './simulator.ts'
import './testing/quiet-signal.ts'
import { createWorldOfTwo, type WorldOfTwo } from './testing/world-of-two.ts'

const ordinary = getCACertificates('default')
afterEach(() => setDefaultCACertificates(ordinary))

function trust(world: WorldOfTwo): void {
  const certificate = pem('CERTIFICATE', Buffer.from(world.simulator.mediaCaCert, 'base64'))
  setDefaultCACertificates([...ordinary, certificate])
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const query = (facts: Record<string, string>): string => new URLSearchParams(facts).toString()

async function sendFromPhone(
  world: WorldOfTwo,
  facts: Record<string, string>,
): Promise<{ message: WAMessage; sha256: string }> {
  const { control, companion, friend, me } = world
  const path = `/phones/${friend.number}/media?${query({ to: me.number, ...facts })}`
  const sent = await control.post<{ id: string; sha256: string }>(path)
  const arrived = (): WAMessage | undefined => companion.messages().find((each) => each.key.id === sent.id)
  await companion.until('the medium', () => arrived()?.message != null)
  const message = arrived()
  if (!message) throw new Error('no message')
  return { message, sha256: sent.sha256 }
}

test('a companion gets every kind of medium that a phone sends, byte by byte, over a certificate that it was told to trust', async () => {
  await using world = await createWorldOfTwo('media-in')
  trust(world)
  for (const kind of MEDIA_KINDS) {
    const { message, sha256: digest } = await sendFromPhone(world, {
      kind,
      ...(kind === 'voice' ? {} : { caption: 'pie' }),
    })
    expect(sha256(await downloadMediaMessage(message, 'buffer', {}))).toBe(digest)
  }
  const voice = world.companion.messages().find((each) => each.message?.audioMessage?.ptt)?.message?.audioMessage
  expect(voice).toMatchObject({ seconds: 5, mimetype: 'audio/ogg; codecs=opus' })
  expect(voice?.waveform).toHaveLength(64)
  expect(await world.control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a phone opens every kind of medium that a companion sends', async () => {
  await using world = await createWorldOfTwo('media-out')
  trust(world)
  const { companion, control, friend, friendJid, me } = world
  const file = randomBytes(70_000)
  const thumbnail = { jpegThumbnail: '' }
  const contents: [string, AnyMessageContent][] = [
    ['image', { image: file, caption: 'pie', ...thumbnail }],
    ['video', { video: file, ...thumbnail }],
    ['gif', { video: file, gifPlayback: true, ...thumbnail }],
    ['ptv', { video: file, ptv: true, ...thumbnail }],
    ['audio', { audio: file, seconds: 3 }],
    ['voice', { audio: file, ptt: true, seconds: 3 }],
    ['document', { document: file, mimetype: 'application/pdf', fileName: 'ñ.pdf', caption: 'pie' }],
    ['sticker', { sticker: file }],
  ]
  for (const [kind, content] of contents) {
    const sent = await companion.socket.sendMessage(friendJid.lid, content)
    const id = sent?.key.id ?? ''
    const shown = await world.whenShown(friend.number, me.number, (each) => each.id === id)
    expect(shown).toMatchObject({ media: { kind, bytes: file.length, sha256: sha256(file) } })
    const response = await fetch(`${world.simulator.url}/phones/${friend.number}/messages/${id}/media`)
    expect([response.status, sha256(new Uint8Array(await response.arrayBuffer()))]).toEqual([200, sha256(file)])
  }
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a file that is gone comes again from the phone, at another place', async () => {
  await using world = await createWorldOfTwo('media-again')
  trust(world)
  const { companion, control, me, friend } = world
  const { message, sha256: digest } = await sendFromPhone(world, { kind: 'image', trouble: 'expired' })
  await expect(downloadMediaMessage(message, 'buffer', {})).rejects.toThrow('Failed to fetch')
  const key = message.message?.imageMessage?.mediaKey ?? new Uint8Array()
  const ask = async (): Promise<void> =>
    companion.socket.sendNode(encryptMediaRetryRequest(message.key, key, companion.socket.user?.id ?? ''))
  await ask()
  const answer = await companion.when('media-update', (event) =>
    event.type === 'messages.media-update' ? event.data[0] : undefined,
  )
  const { ciphertext, iv } = answer.media ?? {}
  if (!ciphertext || !iv) throw new Error('no answer')
  const { directPath } = decryptMediaRetryData({ ciphertext, iv }, key, message.key.id ?? '')
  Object.assign(message.message?.imageMessage ?? {}, { directPath })
  expect(sha256(await downloadMediaMessage(message, 'buffer', {}))).toBe(digest)
  await control.post(`/phones/${me.number}/forget_media`)
  const from = companion.events.length
  await ask()
  const refused = await companion.when(
    'refusal',
    (event) => (event.type === 'messages.media-update' ? event.data[0] : undefined),
    from,
  )
  expect(refused.error).toMatchObject({ output: { statusCode: 404 } })
  expect(friend.number).not.toBe(me.number)
  expect(await control.get('/unhandled')).toEqual({ unhandled: [] })
})

test('a client that was not told of the authority does not speak to the media host, and spoilt uploads are refused', async () => {
  await using world = await createWorldOfTwo('media-trust')
  const { message } = await sendFromPhone(world, { kind: 'image' })
  const url = message.message?.imageMessage?.url ?? ''
  await expect(fetch(url)).rejects.toMatchObject({
    cause: { code: expect.stringMatching(/UNABLE_TO_VERIFY|SELF_SIGNED|UNABLE_TO_GET/) },
  })
  trust(world)
  expect((await fetch(url)).status).toBe(200)
  const wrong = await fetch(new URL(`/mms/image/${'A'.repeat(43)}`, url), { method: 'POST', body: 'no' })
  expect(wrong.status).toBe(400)
})

test('the authority is made once and kept with the state', async () => {
  await using first = await createSimulator({ port: 0, seed: 'authority' })
  await using second = await createSimulator({ port: 0, seed: 'authority' })
  expect(first.mediaCaCert).not.toBe(second.mediaCaCert)
})
