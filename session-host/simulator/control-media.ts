import { createHash } from 'node:crypto'
import type { Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { phone, reachablePhone } from './control-request.ts'
import { groupByJid, memberOf } from './group.ts'
import { sayInGroup } from './group-messages.ts'
import {
  MEDIA_KINDS,
  MEDIA_TROUBLES,
  mediaContent,
  mediaIn,
  type MediaKind,
  type MediaToSend,
} from './media-message.ts'
import { openMedia } from './media-store.ts'
import { say } from './phone.ts'
import { sampleFile } from './sample-media.ts'
import { findPerson, type World } from './world.ts'

/** Phones send files and look at those that they got. */
export function addMediaMessageRoutes(app: Hono, world: World): void {
  app.post('/phones/:number/media', async (c) => {
    const person = reachablePhone(world, c)
    const { to, as, id, kind, forgotten, ...facts } = mediaQuery.parse(c.req.query())
    // A tool that always sends JSON sends no file.
    const isFile = !c.req.header('content-type')?.startsWith('application/json')
    const body = isFile ? Buffer.from(await c.req.arrayBuffer()) : Buffer.alloc(0)
    const media = mediaToSend(kind, body, facts)
    const { content, reference } = mediaContent(world, media)
    if (forgotten) world.phoneFiles.delete(reference.mediaKey.toString('hex'))
    const common = { content, ...(id && { id }) }
    const group = groupByJid(world, to)
    if (group && !memberOf(group, person))
      throw new ControlError(409, 'not_a_member', 'This person is not in the group.')
    const recipient = findPerson(world, to)
    if (!group && !recipient) throw new ControlError(404, 'unknown_recipient', 'Nobody has this number or JID.')
    const sent = group
      ? await sayInGroup(world, person, group, common)
      : recipient && (await say(world, person, { ...common, to: recipient, addressed: as }))
    const sha256 = createHash('sha256').update(media.file).digest('hex')
    return c.json({ ...sent, bytes: media.file.length, sha256 })
  })
  app.post('/phones/:number/forget_media', (c) => {
    for (const chat of phone(world, c).chats) {
      for (const { content } of chat.messages) {
        const key = mediaIn(content)?.fields.mediaKey
        if (key) world.phoneFiles.delete(Buffer.from(key).toString('hex'))
      }
    }
    return c.json({ ok: true })
  })
  app.post('/media/well', (c) => {
    world.mediaTrouble.clear()
    return c.json({ ok: true })
  })
  app.get('/phones/:number/messages/:id/media', (c) => {
    const messages = phone(world, c).chats.flatMap((chat) => chat.messages)
    const message = messages.find((each) => each.id === c.req.param('id'))
    const media = message && mediaIn(message.content)
    const { mediaKey, directPath, fileSha256, fileEncSha256 } = media?.fields ?? {}
    if (!media || !mediaKey || !directPath || !fileSha256 || !fileEncSha256)
      throw new ControlError(404, 'no_media', 'The phone has no such message with a file.')
    const buffers = {
      mediaKey: Buffer.from(mediaKey),
      fileSha256: Buffer.from(fileSha256),
      fileEncSha256: Buffer.from(fileEncSha256),
    }
    try {
      return c.body(new Uint8Array(openMedia(world, media.purpose, { ...buffers, directPath })), 200, {
        'Content-Type': 'application/octet-stream',
        'Content-Security-Policy': 'sandbox',
        'X-Content-Type-Options': 'nosniff',
      })
    } catch (error) {
      throw new ControlError(409, 'unreadable_media', error instanceof Error ? error.message : 'unreadable')
    }
  })
}

function mediaToSend(
  kind: MediaKind,
  body: Buffer,
  facts: Omit<z.output<typeof mediaQuery>, 'to' | 'as' | 'id' | 'kind' | 'forgotten'>,
): MediaToSend {
  const {
    generate,
    seed,
    mime,
    caption,
    file_name: fileName,
    seconds,
    width,
    height,
    waveform,
    thumbnail,
    trouble,
    claims,
  } = facts
  const sample = sampleFile(kind)
  const file = generate === undefined ? (body.length > 0 ? body : sample.file) : generatedFile(generate, seed)
  return {
    ...(body.length === 0 && generate === undefined ? sample : {}),
    kind,
    file,
    mime: mime ?? sample.mime,
    ...(caption && { caption }),
    ...(fileName && { fileName }),
    ...(seconds !== undefined && { seconds }),
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(waveform && { waveform: Buffer.from(waveform) }),
    ...(thumbnail && { thumbnail: Buffer.from(thumbnail, 'base64') }),
    ...(trouble && { trouble }),
    ...(claims && { claims: Buffer.from(claims, 'hex') }),
  }
}

/** Bytes that follow from a seed, for files too large to be sent here. */
function generatedFile(bytes: number, seed: string): Buffer {
  const block = createHash('shake256', { outputLength: 65_536 }).update(seed).digest()
  return Buffer.alloc(bytes, block)
}

const whole = (max: number): z.ZodType<number | undefined> => z.coerce.number().int().min(0).max(max).optional()
const mediaQuery = z.strictObject({
  to: z.string().min(3).max(100),
  kind: z.enum(MEDIA_KINDS),
  as: z.enum(['lid', 'pn']).default('lid'),
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{4,64}$/)
    .optional(),
  caption: z.string().max(65_536).optional(),
  file_name: z.string().min(1).max(1_000).optional(),
  mime: z.string().min(1).max(200).optional(),
  seconds: whole(1_000_000),
  width: whole(100_000),
  height: whole(100_000),
  /** Up to 64 numbers from 0 to 100, separated by commas. */
  waveform: z
    .string()
    .transform((text) => text.split(',').map(Number))
    .pipe(z.array(z.number().int().min(0).max(255)).max(256))
    .optional(),
  /** A JPEG, base64. */
  thumbnail: z.string().max(100_000).optional(),
  trouble: z.enum(MEDIA_TROUBLES).optional(),
  /** SHA-256 in hex of another file: the message says that this one is it. */
  claims: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  /** The phones have it no more: a media retry finds nothing. */
  forgotten: z.literal('true').optional(),
  /** Send so many bytes that follow from `seed`, instead of the body. */
  generate: whole(200_000_000),
  seed: z.string().max(100).default('file'),
})
