import { z } from 'zod'
import { MessageContent } from './content.ts'

export const SenderType = z.enum(['user', 'ai', 'system'])
export type SenderType = z.infer<typeof SenderType>

export const MessageType = z.enum([
  'text',
  'image',
  'audio',
  'video',
  'document',
  'sticker',
  'location',
  'contact',
  'poll',
  'reaction',
  'notice',
  'unsupported',
])
export type MessageType = z.infer<typeof MessageType>

/** Outgoing: pending → sent (WhatsApp's server acknowledged) → delivered → read → played, or failed. Incoming: received → read. */
export const MessageStatus = z.enum(['received', 'pending', 'sent', 'delivered', 'read', 'played', 'failed'])
export type MessageStatus = z.infer<typeof MessageStatus>

/**
 * Where the medium of a message is. pending: not fetched from WhatsApp yet; stored: at `media_url`; failed: it could not be fetched or
 * did not pass; expired: WhatsApp no longer has it; erased.
 */
export const MediaStatus = z.enum(['pending', 'stored', 'failed', 'expired', 'erased'])
export type MediaStatus = z.infer<typeof MediaStatus>

/** WhatsApp's own limit for a text, in characters. */
export const maxTextLength = 65_536

/**
 * A row of messages_new as the API shows it. `created_at` is WhatsApp's time, whole seconds; order by (created_at, ordinal). The
 * medium's facts are the table's own columns `media_*`, so that a row read with supabase-js and an answer of REST have one shape; all
 * of them are null where there is no medium.
 */
export const Message = z.object({
  id: z.uuid(),
  conversation_id: z.uuid(),
  sender_type: SenderType,
  message_type: MessageType,
  text_content: z.string().nullable(),
  content: MessageContent.describe('What it says beside its text, and how it was sent.'),
  media_url: z.string().nullable(),
  media_status: MediaStatus.nullable().describe(
    'pending: not fetched yet; stored: at media_url; failed; expired: WhatsApp no longer has it; erased. Null without a medium.',
  ),
  media_mime_type: z.string().nullable().describe('Lower case, without parameters.'),
  media_size_bytes: z.number().int().nonnegative().nullable(),
  media_duration_seconds: z.number().nonnegative().nullable().describe('Length of a sound or film.'),
  media_width: z.number().int().positive().nullable().describe('Pixels.'),
  media_height: z.number().int().positive().nullable().describe('Pixels.'),
  media_file_name: z.string().nullable().describe('The name that its sender gave the file; never a path.'),
  media_waveform: z
    .array(z.number().int().min(0).max(100))
    .nullable()
    .describe('Loudness of a voice note over time, usually 64 values from 0 to 100.'),
  interactions: z.array(z.unknown()),
  created_at: z.string(),
  ordinal: z.number().int(),
  wa_id: z.string(),
  from_me: z.boolean(),
  sender_jid: z.string().nullable(),
  status: MessageStatus,
  error_code: z.string().nullable(),
  reply_to_wa_id: z.string().nullable(),
  edited_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
  starred: z.boolean(),
  hidden_at: z
    .string()
    .nullable()
    .describe('When it was deleted for the account alone, or its chat cleared, on the phone; pages leave it out.'),
  expires_at: z.string().nullable().describe('When it disappears.'),
})
export type Message = z.infer<typeof Message>
