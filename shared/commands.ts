import { z } from 'zod'

/** What a client may ask WhatsApp to do, as the host claims it from session_commands. Ids only; the host reads the rows. */
export const Command = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('send_message'), conversation_id: z.uuid(), message_id: z.uuid() }),
  z.object({ kind: z.literal('start_conversation'), payload: z.object({ jid: z.string() }) }),
  z.object({
    kind: z.literal('mark_read'),
    conversation_id: z.uuid(),
    payload: z.object({ message_ids: z.array(z.uuid()) }),
  }),
  z.object({
    kind: z.literal('mark_played'),
    conversation_id: z.uuid(),
    payload: z.object({ message_ids: z.array(z.uuid()) }),
  }),
  /** Marks a conversation as unread by hand on WhatsApp, or takes the mark away. */
  z.object({ kind: z.literal('mark_unread'), conversation_id: z.uuid() }),
  z.object({ kind: z.literal('unmark_unread'), conversation_id: z.uuid() }),
  z.object({
    kind: z.literal('set_chat_state'),
    conversation_id: z.uuid(),
    payload: z.object({
      archived: z.boolean().optional(),
      pinned: z.boolean().optional(),
      muted_until: z.string().nullish(),
    }),
  }),
  z.object({
    kind: z.literal('block_contact'),
    payload: z.object({ contact_id: z.uuid(), blocked: z.boolean() }),
  }),
  z.object({
    kind: z.literal('request_history'),
    conversation_id: z.uuid(),
    payload: z.object({ count: z.number().int().min(1).max(500) }),
  }),
  z.object({ kind: z.literal('logout') }),
])
export type Command = z.infer<typeof Command>

/** A claimed command with its bookkeeping. */
export type ClaimedCommand = Command & { id: string; user_id: string; attempts: number; created_at: Date }
