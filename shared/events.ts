import { z } from 'zod'
import { actions, MessageExtras, type Action } from './actions.ts'
import { Attachments } from './attachment.ts'
import type { Message } from './message.ts'
import type { Conversation } from './conversation.ts'
import { MessageStatus } from './message.ts'
import { OwnPresence, type Presence } from './presence.ts'
import { Restriction, SessionReason, SessionStatus, SyncStatus } from './session.ts'

const uuid = z.uuid()

/** How far the history of a linked number is, as whatsapp_sessions.sync_* have it. */
export const SyncFacts = z.object({
  status: SyncStatus,
  /** Percent; 100 when all of it is stored. */
  progress: z.number().int(),
  messages: z.number().int(),
  chunks: z.number().int(),
  chunks_stored: z.number().int(),
  chunks_failed: z.number().int(),
})
export type SyncFacts = z.infer<typeof SyncFacts>

/**
 * The domain events of a session, as the event log keeps them: ids and small facts, no message text. Each says when it is written,
 * always in the transaction of the rows that it describes.
 */
export const SessionEvent = z.discriminatedUnion('type', [
  /** The session's status changed. */
  z.object({
    type: z.literal('session.status'),
    data: z.object({ status: SessionStatus, reason: SessionReason.nullish(), phone: z.string().nullish() }),
  }),
  /** WhatsApp restricts the account, or no longer does (null). */
  z.object({
    type: z.literal('session.restriction'),
    data: z.object({ restriction: Restriction.nullable(), until: z.string().nullable() }),
  }),
  /** A chunk of the phone's history was stored. */
  z.object({
    type: z.literal('history.imported'),
    data: z.object({
      conversations: z.number(),
      /** Those that were not known before. */
      messages: z.number(),
      /** Percent of its kind, as the phone says. */
      progress: z.number().nullish(),
      /** initial, recent, full, push_names, on_demand or other. */
      sync_type: z.string().optional(),
      /** The conversation whose older messages were asked for. */
      conversation_id: uuid.optional(),
    }),
  }),
  /** How far the history is changed: a chunk was announced, stored or given up, or the phone paused. */
  z.object({ type: z.literal('history.status'), data: SyncFacts.extend({ error_code: z.string().nullish() }) }),
  /** A conversation row is new. */
  z.object({ type: z.literal('conversation.created'), data: z.object({ conversation_id: uuid }) }),
  /** A conversation row changed: name, JID, unread count, archived … `cleared`: messages of it were hidden, read the page anew. */
  z.object({
    type: z.literal('conversation.updated'),
    data: z.object({ conversation_id: uuid, unread_count: z.number().optional(), cleared: z.boolean().optional() }),
  }),
  /** Two conversations turned out to be one person; `merged_id` is gone and leads to `conversation_id`. */
  z.object({ type: z.literal('conversation.merged'), data: z.object({ conversation_id: uuid, merged_id: uuid }) }),
  /** A contact was blocked or unblocked, or has another picture. */
  z.object({
    type: z.literal('contact.updated'),
    data: z.object({ contact_id: uuid, conversation_id: uuid.optional() }),
  }),
  /** A message row is new, in or out. */
  z.object({
    type: z.literal('message.created'),
    data: z.object({ conversation_id: uuid, message_id: uuid, from_me: z.boolean() }),
  }),
  /** A message's delivery status rose, or it failed. */
  z.object({
    type: z.literal('message.status'),
    data: z.object({
      conversation_id: uuid,
      message_id: uuid,
      status: MessageStatus,
      error_code: z.string().nullish(),
    }),
  }),
  /** A message was edited, deleted for everyone, or reacted to; also when a placeholder got its content. */
  z.object({ type: z.literal('message.updated'), data: z.object({ conversation_id: uuid, message_id: uuid }) }),
  /** Somebody calls: it rings until call.ended, or until it is rejected here. */
  z.object({
    type: z.literal('call.incoming'),
    data: z.object({ conversation_id: uuid, call_id: z.string(), from: z.string(), video: z.boolean() }),
  }),
  /** A call rings no more. */
  z.object({
    type: z.literal('call.ended'),
    data: z.object({ conversation_id: uuid, call_id: z.string(), outcome: z.enum(['missed', 'answered', 'rejected']) }),
  }),
  /** An action that WhatsApp was asked for is done; the envelope has its `result`, as get_command answers it. */
  z.object({
    type: z.literal('command.finished'),
    data: z.object({ command_id: z.number().int(), command: z.string(), conversation_id: uuid.optional() }),
  }),
  /** An action can't be done, and `error_code` says why. */
  z.object({
    type: z.literal('command.failed'),
    data: z.object({
      command_id: z.number().int(),
      command: z.string(),
      conversation_id: uuid.optional(),
      error_code: z.string(),
    }),
  }),
  /** A message disappeared; its row is gone. */
  z.object({ type: z.literal('message.deleted'), data: z.object({ conversation_id: uuid, message_id: uuid }) }),
])
export type SessionEvent = z.infer<typeof SessionEvent>
export type EventType = SessionEvent['type']

/** An event with its place in the session's log. */
export type SequencedEvent = SessionEvent & { seq: number; at: string; sessionId: string }

/** What travels on the socket's `event`: the logged event, with the current rows that it is about joined in when they still exist. */
export type EventEnvelope = SequencedEvent & {
  message?: Message
  conversation?: Conversation
  result?: Record<string, unknown>
}

/** Acknowledgement of a client's event. */
export type Acknowledgement<T = unknown> =
  | { ok: true; data: T }
  | { ok: false; error: { code: string; message: string } }

/** Socket.IO: server → client. */
export interface ServerToClientEvents {
  'qr-code': (dataUrl: string) => void
  /** The pairing code of the moment, to whoever asked for it, and each further one. */
  'pairing-code': (data: { code: string; expires_at: string }) => void
  'session-ready': (data: { success: true; sessionId: string; phone: string | null }) => void
  'session-closed': (data: { reason: string; message: string; sessionId: string }) => void
  'chats-updated': () => void
  'message-sent': (data: { success: true; conversationId: string; messageId: string; sessionId: string }) => void
  /** Somebody is online or types, now; never stored. */
  presence: (presence: Presence) => void
  error: (sentence: string) => void
  event: (event: EventEnvelope) => void
  /** The cursor given with `join` is too old: read the lists anew, then join from this seq. */
  resync: (data: { sessionId: string; seq: number }) => void
}

/** Socket.IO: client → server. Tokens are optional when the handshake carried one. */
export const ClientEvents = {
  join: z.strictObject({
    token: z.string().max(8192).optional(),
    since: z.union([z.number().int().nonnegative(), z.record(z.uuid(), z.number().int().nonnegative())]).optional(),
  }),
  'get-qr': z.strictObject({ token: z.string().max(8192).optional() }),
  'get-pairing-code': z.strictObject({ token: z.string().max(8192).optional(), phone: z.string().min(1).max(40) }),
  'send-message': z.strictObject({
    token: z.string().max(8192).optional(),
    conversationId: z.string().min(1).max(256),
    textContent: z.string(),
    attachments: Attachments.optional(),
    idempotencyKey: z.string().min(1).max(255).optional(),
    replyTo: z.uuid().optional(),
    ...MessageExtras,
  }),
  'set-presence': z.strictObject({
    token: z.string().max(8192).optional(),
    conversationId: z.string().min(1).max(256).optional(),
    state: OwnPresence,
  }),
} as const

/** Client → server, beyond these: every shared action under its name with hyphens, with `token` and `idempotencyKey` beside its own fields. */
export const ActionEvents = new Map(
  Object.entries(actions).map(([name, action]) => [
    name.replaceAll('_', '-'),
    {
      action: action as Action,
      data: (action as Action).request.extend({
        token: z.string().max(8192).optional(),
        idempotencyKey: z.string().min(1).max(255).optional(),
      }),
    },
  ]),
)

export type ClientEventName = keyof typeof ClientEvents

/** Socket.IO's type of the client's events. */
export type ClientToServerEvents = {
  [K in ClientEventName]: (
    data: z.input<(typeof ClientEvents)[K]>,
    acknowledge?: (answer: Acknowledgement) => void,
  ) => void
}

/** The events after which a list of chats shows something else. */
export function changesChats(type: EventType): boolean {
  switch (type) {
    case 'history.imported':
    case 'conversation.created':
    case 'conversation.updated':
    case 'conversation.merged':
    case 'message.created':
    case 'message.updated':
    case 'message.deleted':
      return true
    case 'session.status':
    case 'contact.updated':
    case 'history.status':
    case 'session.restriction':
    case 'message.status':
    case 'call.incoming':
    case 'call.ended':
    case 'command.finished':
    case 'command.failed':
      return false
    default:
      return type satisfies never
  }
}
