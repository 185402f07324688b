import { z } from 'zod'

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

/** WhatsApp's own limit for a text, in characters. */
export const maxTextLength = 65_536

/** A row of messages_new as the API shows it. `created_at` is WhatsApp's time, whole seconds; order by (created_at, ordinal). */
export const Message = z.object({
  id: z.uuid(),
  conversation_id: z.uuid(),
  sender_type: SenderType,
  message_type: MessageType,
  text_content: z.string().nullable(),
  media_url: z.string().nullable(),
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
})
export type Message = z.infer<typeof Message>
