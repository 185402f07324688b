import { z } from 'zod'
import { MessageExtras } from './actions.ts'
import { Attachments } from './attachment.ts'
import { Contact } from './contact.ts'
import { Conversation } from './conversation.ts'
import { MediaStatus, Message, MessageStatus, MessageType, SenderType } from './message.ts'
import { Group, GroupWithParticipants } from './group.ts'
import { Personality } from './personality.ts'
import { OwnPresence } from './presence.ts'
import { Session } from './session.ts'

/** REST requests and responses: the routes validate with these, and the OpenAPI document is generated from them. */
const success = z.literal(true)

/** A conversation's uuid or any JID that its person ever had. */
const ConversationReference = z.string().min(1).max(256)

export const ErrorResponse = z.object({
  success: z.literal(false),
  error: z.object({
    code: z.string(),
    message: z.string(),
    param: z.string().optional(),
    request_id: z.string().optional(),
    retryable: z.boolean().optional(),
    retry_after: z.number().optional(),
  }),
})

export const QrResponse = z.object({
  success,
  message: z.string(),
  connected: z.boolean(),
  data: z.object({ qr: z.string().startsWith('data:image/png;base64,'), expires_at: z.string() }).optional(),
})

export const PairingCodeRequest = z.strictObject({ phone: z.string().min(1).max(40) })
export const PairingCodeResponse = z.object({
  success,
  data: z.object({ code: z.string().regex(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/), expires_at: z.string() }),
})

export const ConversationsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
  q: z.string().max(200).optional(),
  archived: z.enum(['true', 'false']).default('false'),
})
export const ConversationsResponse = z.object({
  success,
  conversations: z.array(Conversation),
  next_cursor: z.string().nullable(),
})

export const MessagesQuery = z.object({
  conversationId: ConversationReference,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  before: z.string().max(1024).optional(),
  after: z.string().max(1024).optional(),
})
export const MessagesResponse = z.object({
  success,
  messages: z.array(Message),
  /** Pass as `before` for older messages; null when there are none. */
  previous_cursor: z.string().nullable(),
  /** Pass as `after` for newer ones; null for an empty conversation. */
  next_cursor: z.string().nullable(),
})

export const SendMessageRequest = z.strictObject({
  conversationId: ConversationReference,
  textContent: z.string(),
  attachments: Attachments.optional(),
  replyTo: z.uuid().optional(),
  ...MessageExtras,
})
export const SendMessageResponse = z.object({
  success,
  message: Message,
  /** One for each attachment; only then. */
  messages: z.array(Message).optional(),
})

export const RequestMediaRequest = z.strictObject({ messageId: z.uuid() })
export const RequestMediaResponse = z.object({ success, message_id: z.uuid(), media_status: MediaStatus })

export const UploadRequest = z.strictObject({ fileName: z.string().min(1).max(255) })
export const UploadResponse = z.object({
  success,
  upload: z.object({
    path: z.string().describe('Pass it as `path` of an attachment, once the file is there.'),
    url: z.url().describe('PUT the bytes here, with their Content-Type, once.'),
    token: z.string().describe('For `uploadToSignedUrl(path, token, file)` of supabase-js.'),
    expires_at: z.string(),
  }),
})

/** How something that WhatsApp was asked to do stands. `result` says what came of it once it is done. */
export const CommandResponse = z.object({
  success,
  command_id: z.number().int(),
  status: z.enum(['queued', 'done']),
  result: z.record(z.string(), z.unknown()).nullable(),
})
export const CommandQuery = z.object({ id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) })

export const StartConversationRequest = z.union([
  z.strictObject({ phone: z.string().min(1).max(40) }),
  z.strictObject({ jid: z.string().min(1).max(128) }),
])
export const StartConversationResponse = z.object({ success, conversation: Conversation })

export const MarkReadRequest = z.strictObject({ conversationId: ConversationReference })
export const MarkReadResponse = z.object({ success, conversation_id: z.uuid(), read: z.number().int() })

export const ChatStateRequest = z
  .strictObject({
    conversationId: ConversationReference,
    archived: z.boolean().optional(),
    pinned: z.boolean().optional(),
    /** 9999-12-31 for ever; null: no more. */
    mutedUntil: z.iso.datetime({ offset: true }).nullable().optional(),
  })
  .refine(
    ({ archived, pinned, mutedUntil }) => archived !== undefined || pinned !== undefined || mutedUntil !== undefined,
    {
      message: 'archived, pinned or mutedUntil is required',
    },
  )
export const MarkUnreadRequest = z.strictObject({ conversationId: ConversationReference })
export const ChangedConversationResponse = z.object({ success, conversation: Conversation })

export const PresenceRequest = z.strictObject({ conversationId: ConversationReference.optional(), state: OwnPresence })
export const PresenceResponse = z.object({ success, state: OwnPresence })

export const MarkPlayedRequest = z.strictObject({ messageId: z.uuid() })
export const MarkPlayedResponse = z.object({ success, message_id: z.uuid(), played: z.boolean() })

export const ContactsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(4096).optional(),
  q: z.string().max(200).optional(),
})
export const ContactsResponse = z.object({
  success,
  contacts: z.array(Contact),
  next_cursor: z.string().nullable(),
})

export const ContactQuery = z.object({ contactId: z.string().min(1).max(256) })
export const BlockContactRequest = z.strictObject({ contactId: z.string().min(1).max(256), blocked: z.boolean() })
export const ContactResponse = z.object({ success, contact: Contact })
export const GroupsQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})
export const GroupsResponse = z.object({ success, groups: z.array(Group), next_cursor: z.string().nullable() })
export const GroupResponse = z.object({ success, group: GroupWithParticipants })

/** A day (its first moment in UTC) or a moment. */
const Moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })])

export const SearchQuery = z.object({
  q: z.string().min(1).max(200),
  conversationId: ConversationReference.optional(),
  /** Inclusive, by WhatsApp's time. */
  from: Moment.optional(),
  /** Exclusive. */
  to: Moment.optional(),
  type: MessageType.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})

/** A message that holds every word sought. */
export const SearchResult = z.object({
  message_id: z.uuid(),
  conversation_id: z.uuid(),
  session_id: z.uuid(),
  external_id: z.string(),
  kind: z.enum(['contact', 'group']),
  contact_name: z.string().nullable(),
  contact_photo_url: z.string().nullable(),
  sender_type: SenderType,
  message_type: MessageType,
  from_me: z.boolean(),
  sender_jid: z.string().nullable(),
  status: MessageStatus,
  created_at: z.string(),
  /** Excerpt of the text, up to 160 characters around the first hit. Plain text. */
  snippet: z.string(),
  /** The hits in the snippet, each `[from, to)` in UTF-16 code units as JavaScript's slice counts. */
  highlights: z.array(z.tuple([z.number().int(), z.number().int()])),
  /** Pass as `before` to get_messages: that page ends with this message, and its next_cursor leads on from there. */
  page_cursor: z.string(),
})
export type SearchResult = z.infer<typeof SearchResult>
export const SearchResponse = z.object({
  success,
  results: z.array(SearchResult),
  next_cursor: z.string().nullable(),
})

export const SessionResponse = z.object({ success, session: Session })

export const PersonalitiesQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(1024).optional(),
})
export const PersonalitiesResponse = z.object({
  success,
  personalities: z.array(Personality),
  next_cursor: z.string().nullable(),
})
export const CreatePersonalityRequest = z.strictObject({ name: z.string(), instructions: z.string().optional() })
export const EditPersonalityRequest = z
  .strictObject({ personalityId: z.uuid(), name: z.string().optional(), instructions: z.string().optional() })
  .refine(({ name, instructions }) => name !== undefined || instructions !== undefined, 'Say what is to be changed.')
export const PersonalityResponse = z.object({ success, personality: Personality })
export const DeletePersonalityRequest = z.strictObject({ personalityId: z.uuid() })
export const DeletePersonalityResponse = z.object({ success, personality_id: z.uuid() })
/** The AI columns of a conversation. What is left out stays as it is. */
export const SetAssistantRequest = z
  .strictObject({
    conversationId: ConversationReference,
    aiActive: z.boolean().optional(),
    personalityId: z.uuid().nullable().optional(),
    noAcAi: z.boolean().optional(),
  })
  .refine(
    ({ aiActive, personalityId, noAcAi }) => [aiActive, personalityId, noAcAi].some((each) => each !== undefined),
    'Say what is to be set.',
  )
