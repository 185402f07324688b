import { z } from 'zod'
import { LinkPreview } from './content.ts'

/**
 * What a user may ask beyond plain text and reading: each action is a REST route (`POST /api/whatsapp/<name>`), an event of the socket
 * (the name with hyphens) and a SQL function. `call` says which, with its arguments by name.
 *
 * `message`: a message is queued, and answered as it is kept. `command`: WhatsApp is asked to do something, and the answer says what
 * became of it when that is known in time.
 */
export interface Action<S extends z.ZodObject = z.ZodObject> {
  request: S
  answers: 'message' | 'command'
  call: (request: z.output<S>, idempotencyKey: string | null) => SqlCall
}

export interface SqlCall {
  name: string
  args: Record<string, unknown>
}

/** A conversation's uuid or any JID that its person ever had. */
const Conversation = z.string().min(1).max(256)
const ReplyTo = z.uuid().optional()
/** Wrong values get their own error from the function; here only what would be no request at all is refused. */
const Anything = z.unknown()

export const MessageExtras = {
  /** JIDs of people whose digits stand in the text after an @. */
  mentions: z.array(z.string().max(128)).max(1024).optional(),
  /** As it is to be shown; nothing is fetched. */
  preview: LinkPreview.partial().optional(),
}

/** The call of a text, whichever of these it brings along. */
export function textCall(
  request: {
    conversationId: string
    textContent: string
    replyTo?: string | undefined
    mentions?: string[] | undefined
    preview?: object | undefined
  },
  idempotencyKey: string | null,
): SqlCall {
  const { conversationId, textContent, replyTo, mentions, preview } = request
  const content = { ...(mentions?.length ? { mentions } : {}), ...(preview ? { preview } : {}) }
  return Object.keys(content).length > 0
    ? contentCall({ conversationId, replyTo, content, text: textContent }, idempotencyKey)
    : {
        name: 'submit_message',
        args: {
          p_conversation: conversationId,
          p_text: textContent,
          p_idempotency_key: idempotencyKey,
          p_reply_to: replyTo ?? null,
          p_sender_type: 'user',
        },
      }
}

export const actions = {
  send_location: define({
    request: z.strictObject({
      conversationId: Conversation,
      latitude: Anything,
      longitude: Anything,
      name: Anything.optional(),
      address: Anything.optional(),
      replyTo: ReplyTo,
    }),
    answers: 'message',
    call: ({ conversationId, replyTo, ...location }, key) =>
      contentCall({ conversationId, replyTo, content: { location } }, key),
  }),
  send_contacts: define({
    request: z.strictObject({ conversationId: Conversation, contacts: Anything, replyTo: ReplyTo }),
    answers: 'message',
    call: ({ conversationId, replyTo, contacts }, key) =>
      contentCall({ conversationId, replyTo, content: { contacts } }, key),
  }),
  send_poll: define({
    request: z.strictObject({
      conversationId: Conversation,
      name: Anything,
      options: Anything,
      selectable: Anything.optional(),
      replyTo: ReplyTo,
    }),
    answers: 'message',
    call: ({ conversationId, replyTo, ...poll }, key) =>
      contentCall({ conversationId, replyTo, content: { poll } }, key),
  }),
  forward_message: define({
    request: z.strictObject({ messageId: z.uuid(), conversationId: Conversation }),
    answers: 'message',
    call: ({ messageId, conversationId }, key) => ({
      name: 'forward_message',
      args: { p_message: messageId, p_conversation: conversationId, p_idempotency_key: key },
    }),
  }),
  edit_message: define({
    request: z.strictObject({ messageId: z.uuid(), textContent: z.string() }),
    answers: 'command',
    call: ({ messageId, textContent }, key) => ({
      name: 'edit_message',
      args: { p_message: messageId, p_text: textContent, p_idempotency_key: key },
    }),
  }),
  delete_message: define({
    request: z.strictObject({ messageId: z.uuid() }),
    answers: 'command',
    call: ({ messageId }, key) => ({
      name: 'delete_message',
      args: { p_message: messageId, p_idempotency_key: key },
    }),
  }),
  delete_for_me: define({
    request: z.strictObject({ messageId: z.uuid() }),
    answers: 'command',
    call: ({ messageId }, key) => ({ name: 'delete_for_me', args: { p_message: messageId, p_idempotency_key: key } }),
  }),
  star_message: define({
    request: z.strictObject({ messageId: z.uuid(), starred: z.boolean() }),
    answers: 'command',
    call: ({ messageId, starred }, key) => ({
      name: 'star_message',
      args: { p_message: messageId, p_starred: starred, p_idempotency_key: key },
    }),
  }),
  react: define({
    request: z.strictObject({ messageId: z.uuid(), emoji: z.string().nullable() }),
    answers: 'command',
    call: ({ messageId, emoji }, key) => ({
      name: 'react_to_message',
      args: { p_message: messageId, p_emoji: emoji, p_idempotency_key: key },
    }),
  }),
  vote: define({
    request: z.strictObject({ messageId: z.uuid(), options: z.array(z.string()).max(64) }),
    answers: 'command',
    call: ({ messageId, options }, key) => ({
      name: 'vote',
      args: { p_message: messageId, p_options: options, p_idempotency_key: key },
    }),
  }),
  set_disappearing: define({
    request: z.strictObject({ conversationId: Conversation, seconds: z.number().int().min(0).max(2_147_483_647) }),
    answers: 'command',
    call: ({ conversationId, seconds }, key) => ({
      name: 'set_disappearing',
      args: { p_conversation: conversationId, p_seconds: seconds, p_idempotency_key: key },
    }),
  }),
  reject_call: define({
    request: z.strictObject({ callId: z.string().min(1).max(128) }),
    answers: 'command',
    call: ({ callId }, key) => ({ name: 'reject_call', args: { p_call: callId, p_idempotency_key: key } }),
  }),
  request_history: define({
    request: z.strictObject({ conversationId: Conversation, count: z.number().int().min(1).max(500).optional() }),
    answers: 'command',
    call: ({ conversationId, count }, key) => ({
      name: 'request_history',
      args: { p_conversation: conversationId, p_count: count ?? 50, p_idempotency_key: key },
    }),
  }),
  create_group: define({
    request: z.strictObject({ subject: z.string(), participants: z.array(z.string().max(128)).max(1023) }),
    answers: 'command',
    call: (group, key) => groupCall(null, 'create', group, key),
  }),
  update_group: define({
    request: z.strictObject({
      conversationId: Conversation,
      subject: z.string().optional(),
      /** Empty takes it away. */
      description: z.string().optional(),
      onlyAdminsSend: z.boolean().optional(),
      onlyAdminsEdit: z.boolean().optional(),
      /** false: every member may add people and hand out the link. */
      onlyAdminsAdd: z.boolean().optional(),
      /** Who joins by link waits until an admin approves. */
      joinApproval: z.boolean().optional(),
      /** A JPEG of up to 300 KB in base64; null takes the picture away. */
      picture: z.string().nullable().optional(),
    }),
    answers: 'command',
    call: ({ conversationId, ...changes }, key) => groupCall(conversationId, 'update', changes, key),
  }),
  group_participants: define({
    request: z.strictObject({
      conversationId: Conversation,
      action: z.enum(['add', 'remove', 'promote', 'demote']),
      participants: z.array(z.string().max(128)).max(1023),
    }),
    answers: 'command',
    call: ({ conversationId, action, participants }, key) => groupCall(conversationId, action, { participants }, key),
  }),
  group_invite: define({
    request: z.strictObject({ conversationId: Conversation, revoke: z.boolean().default(false) }),
    answers: 'command',
    call: ({ conversationId, revoke }, key) => groupCall(conversationId, revoke ? 'revoke_invite' : 'invite', {}, key),
  }),
  join_group: define({
    /** The code, or the link that ends with it. */
    request: z.strictObject({ code: z.string().min(1).max(256) }),
    answers: 'command',
    call: ({ code }, key) =>
      groupCall(null, 'join', { code: code.replace(/^https:\/\/chat\.whatsapp\.com\//, '') }, key),
  }),
  leave_group: define({
    request: z.strictObject({ conversationId: Conversation }),
    answers: 'command',
    call: ({ conversationId }, key) => groupCall(conversationId, 'leave', {}, key),
  }),
} as const
export type ActionName = keyof typeof actions

function define<S extends z.ZodObject>(action: Action<S>): Action<S> {
  return action
}

function contentCall(
  message: { conversationId: string; replyTo?: string | undefined; content: object; text?: string },
  key: string | null,
): SqlCall {
  return {
    name: 'send_content',
    args: {
      p_conversation: message.conversationId,
      p_content: message.content,
      p_text: message.text ?? null,
      p_reply_to: message.replyTo ?? null,
      p_idempotency_key: key,
      p_sender_type: 'user',
    },
  }
}

function groupCall(conversation: string | null, action: string, given: object, key: string | null): SqlCall {
  return {
    name: 'group_command',
    args: { p_conversation: conversation, p_action: action, p_arguments: given, p_idempotency_key: key },
  }
}
