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
  /** Changes of a message, each with a WhatsApp id of its own. The text of an edit stands here until it is done. */
  z.object({
    kind: z.literal('edit_message'),
    conversation_id: z.uuid(),
    payload: z.object({ wa_id: z.string(), message_id: z.uuid(), text: z.string() }),
  }),
  z.object({
    kind: z.literal('delete_message'),
    conversation_id: z.uuid(),
    payload: z.object({ wa_id: z.string(), message_id: z.uuid() }),
  }),
  /** For the account's own devices alone. */
  z.object({
    kind: z.literal('star_message'),
    conversation_id: z.uuid(),
    payload: z.object({ message_id: z.uuid(), starred: z.boolean() }),
  }),
  z.object({
    kind: z.literal('delete_for_me'),
    conversation_id: z.uuid(),
    payload: z.object({ message_id: z.uuid() }),
  }),
  z.object({
    kind: z.literal('react'),
    conversation_id: z.uuid(),
    payload: z.object({ wa_id: z.string(), message_id: z.uuid(), emoji: z.string().nullable(), at: z.number() }),
  }),
  z.object({
    kind: z.literal('vote'),
    conversation_id: z.uuid(),
    payload: z.object({ wa_id: z.string(), message_id: z.uuid(), options: z.array(z.string()), at: z.number() }),
  }),
  z.object({
    kind: z.literal('set_disappearing'),
    conversation_id: z.uuid(),
    payload: z.object({ wa_id: z.string(), seconds: z.number() }),
  }),
  /** What is asked of a group; conversation_id is null for one that is made or joined. */
  z.object({
    kind: z.literal('group'),
    conversation_id: z.uuid().nullable(),
    payload: z.object({
      action: z.enum([
        'create',
        'update',
        'add',
        'remove',
        'promote',
        'demote',
        'invite',
        'revoke_invite',
        'join',
        'leave',
      ]),
      subject: z.string().optional(),
      description: z.string().optional(),
      onlyAdminsSend: z.boolean().optional(),
      onlyAdminsEdit: z.boolean().optional(),
      onlyAdminsAdd: z.boolean().optional(),
      joinApproval: z.boolean().optional(),
      picture: z.string().nullable().optional(),
      participants: z.array(z.string()).optional(),
      code: z.string().optional(),
    }),
  }),
  z.object({ kind: z.literal('reject_call'), payload: z.object({ call_id: z.string(), creator: z.string() }) }),
])
export type Command = z.infer<typeof Command>

/** A claimed command with its bookkeeping. */
export type ClaimedCommand = Command & { id: string; user_id: string; attempts: number; created_at: Date }
