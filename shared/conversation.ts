import { z } from 'zod'

/** A row of conversations_new as the API shows it. `external_id` is the JID: the number's once known, else the LID, or the group's. */
export const Conversation = z.object({
  id: z.uuid(),
  session_id: z.uuid(),
  external_id: z.string(),
  kind: z.enum(['contact', 'group']),
  contact_name: z.string().nullable(),
  contact_photo_url: z.string().nullable(),
  started_at: z.string().nullable(),
  wa_user_id: z.string().nullable(),
  ai_active: z.boolean().nullable(),
  personality_id: z.uuid().nullable(),
  no_ac_ai: z.boolean().nullable(),
  unread_count: z.number().int(),
  archived: z.boolean(),
  history_complete: z
    .boolean()
    .describe(
      'True when the phone has said that it holds no older messages of it; until then request_history may bring some.',
    ),
  pinned_at: z.string().nullable().describe('When it was pinned to the top; null when it is not.'),
  muted_until: z
    .string()
    .nullable()
    .describe('Until when it makes no sound, 9999-12-31 for ever; null when it is not muted.'),
  marked_unread: z.boolean().describe('Marked as unread by hand, whatever unread_count says.'),
  hidden_at: z
    .string()
    .nullable()
    .describe('When it was deleted on the phone; lists leave it out until something new is in it.'),
  last_message_at: z.string().nullable(),
  last_message_text: z.string().nullable(),
  last_message_type: z.string().nullable(),
  last_message_from_me: z.boolean().nullable(),
  activity_at: z.string(),
})
export type Conversation = z.infer<typeof Conversation>
