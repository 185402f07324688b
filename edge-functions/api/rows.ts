import { z } from '@hono/zod-openapi'
import { SearchResult } from '#shared/api.ts'
import { Contact, displayName } from '#shared/contact.ts'
import { MessageContent } from '#shared/content.ts'
import { Conversation } from '#shared/conversation.ts'
import { Message } from '#shared/message.ts'
import type { Language } from '#shared/errors.ts'
import { describeReason, describeRestriction } from '#shared/session-reasons.ts'
import { Restriction, SessionStatus, SyncStatus, type Session } from '#shared/session.ts'

/**
 * Rows as the database answers them, turned into what the API shows: only the fields of the shared schemas, times as
 * `2025-01-20T10:00:00.000Z` whichever way Postgres wrote them.
 */
export const Time = z.string().transform(toIso)

export const MessageRow = Message.extend({
  interactions: z
    .array(z.unknown())
    .nullable()
    .transform((value) => value ?? []),
  content: MessageContent.catch({}),
  created_at: Time,
  ordinal: z.coerce.number().int(),
  edited_at: Time.nullable(),
  revoked_at: Time.nullable(),
  hidden_at: Time.nullable(),
  expires_at: Time.nullable(),
})

export const ConversationRow = Conversation.extend({
  started_at: Time.nullable(),
  unread_count: z
    .number()
    .int()
    .nullable()
    .transform((value) => value ?? 0),
  pinned_at: Time.nullable(),
  muted_until: Time.nullable(),
  hidden_at: Time.nullable(),
  last_message_at: Time.nullable(),
  activity_at: Time,
})

/** A row of list_contacts(). */
export const ContactRow = Contact.omit({ display_name: true }).transform((row): Contact => ({
  ...row,
  display_name: displayName({
    name: row.name,
    verifiedName: row.verified_name,
    pushName: row.push_name,
    phone: row.phone,
  }),
}))

/** A row of search_messages(), but for the cursor. */
export const SearchRow = SearchResult.omit({ page_cursor: true }).extend({ created_at: Time })

/** What link_state() answers. */
export const LinkState = z.object({
  session_id: z.uuid().nullable(),
  status: SessionStatus,
  status_reason: z.string().nullish(),
  phone: z.string().nullish(),
  push_name: z.string().nullish(),
  linked_at: Time.nullish(),
  sync_progress: z.number().int().nullish(),
  sync_status: SyncStatus.nullish(),
  sync_messages: z.number().int().nullish(),
  sync_chunks: z.number().int().nullish(),
  sync_chunks_stored: z.number().int().nullish(),
  sync_chunks_failed: z.number().int().nullish(),
  qr: z.string().nullish(),
  qr_expires_at: Time.nullish(),
  pairing_phone: z.string().nullish(),
  pairing_code: z.string().nullish(),
  pairing_code_expires_at: Time.nullish(),
  pairing_error: z.string().nullish(),
})
export type LinkState = z.output<typeof LinkState>

/** What connection_state() answers. */
export const ConnectionState = z.object({
  retry_at: Time.nullable(),
  restriction: Restriction.nullable(),
  restricted_until: Time.nullable(),
})
export type ConnectionState = z.output<typeof ConnectionState>

/** The session of a link state as the API shows it. */
export function sessionOf(state: LinkState, connection: ConnectionState, language: Language): Session {
  const reason = state.status_reason ?? null
  const { restriction } = connection
  return {
    id: state.session_id,
    status: state.status,
    reason,
    message: reason === null ? null : describeReason(reason, language),
    retry_at: connection.retry_at,
    restriction:
      restriction === null
        ? null
        : {
            kind: restriction,
            until: connection.restricted_until,
            message: describeRestriction(restriction, language),
          },
    connected: state.status === 'connected',
    phone: state.phone ?? null,
    push_name: state.push_name ?? null,
    linked_at: state.linked_at ?? null,
    sync_progress: state.sync_progress ?? null,
    sync_status: state.sync_status ?? null,
    sync_messages: state.sync_messages ?? 0,
    sync_chunks: state.sync_chunks ?? 0,
    sync_chunks_stored: state.sync_chunks_stored ?? 0,
    sync_chunks_failed: state.sync_chunks_failed ?? 0,
  }
}

/** Postgres' own form (`2026-11-24 02:15:15.99+00`) or JSON's (`2026-11-24T02:15:15.99+00:00`) as ISO 8601 in UTC. */
function toIso(text: string): string {
  return new Date(text.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00')).toISOString()
}
