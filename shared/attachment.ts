import { z } from 'zod'
import { PublicError, type Language } from './errors.ts'

/** What a file can be sent as; without it, what the file is. */
export const AttachmentType = z.enum(['image', 'video', 'gif', 'video_note', 'audio', 'voice', 'document', 'sticker'])

/** A file to send: in one's own storage folder, or on the internet. */
export const Attachment = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe('A file of the bucket `media` in your own folder, `<your id>/…`.'),
    url: z
      .string()
      .min(1)
      .max(2048)
      .optional()
      .describe('Fetched from the internet: http or https, no private addresses.'),
    type: AttachmentType.optional().describe(
      'What it is sent as; without it, what the file is. voice is Ogg/Opus, sticker WebP.',
    ),
    fileName: z.string().min(1).max(255).optional(),
    caption: z.string().max(65_536).optional(),
  })
  .refine(({ path, url }) => (path === undefined) !== (url === undefined), {
    error: 'either path or url',
    path: ['path'],
  })
export type Attachment = z.infer<typeof Attachment>

/** One message each. */
export const Attachments = z.array(Attachment).max(30)

/**
 * Refuses mentions and a link preview beside files: the caption would leave without them. Fails with invalid_request, which names the
 * field. An empty list of either is none.
 */
export function refuseTextExtras(
  request: {
    attachments?: readonly unknown[] | undefined
    mentions?: readonly string[] | undefined
    preview?: object | undefined
  },
  language: Language,
): void {
  if (!request.attachments?.length) return
  const param = request.mentions?.length ? 'mentions' : request.preview ? 'preview' : null
  if (param === null) return
  const sentence = {
    es: `Un mensaje con adjuntos no admite ${param}: solo un texto.`,
    en: `A message with attachments takes no ${param}: only a text does.`,
  }
  throw new PublicError('invalid_request', { param, sentence: sentence[language] })
}
