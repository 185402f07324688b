import type { SearchResult } from '#shared/api.ts'
import type { Contact } from '#shared/contact.ts'
import type { Conversation } from '#shared/conversation.ts'
import type { Group, GroupMember } from '#shared/group.ts'
import type { Message } from '#shared/message.ts'
import type { Personality } from '#shared/personality.ts'
import type { Session } from '#shared/session.ts'

/** Examples of the OpenAPI document. The numbers are of no plan, so they are nobody's. */
export const conversationExample: Conversation = {
  id: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  session_id: '1b4e28ba-2fa1-41d2-883f-0016d3cca427',
  external_id: '1234567890@s.whatsapp.net',
  kind: 'contact',
  contact_name: 'Juan Pérez',
  contact_photo_url: null,
  started_at: '2025-01-20T10:00:00.000Z',
  wa_user_id: '1987654321',
  ai_active: false,
  personality_id: null,
  no_ac_ai: false,
  unread_count: 2,
  archived: false,
  history_complete: false,
  pinned_at: null,
  muted_until: null,
  marked_unread: false,
  hidden_at: null,
  last_message_at: '2025-01-20T10:05:00.000Z',
  last_message_text: '¿Nos vemos mañana?',
  last_message_type: 'text',
  last_message_from_me: false,
  activity_at: '2025-01-20T10:05:00.000Z',
}

export const messageExample: Message = {
  id: '9b2f1c3e-5d4a-4f6b-8a7c-0d1e2f3a4b5c',
  conversation_id: conversationExample.id,
  sender_type: 'user',
  message_type: 'text',
  text_content: 'Hola, ¿cómo estás?',
  content: {},
  media_url: null,
  media_status: null,
  media_mime_type: null,
  media_size_bytes: null,
  media_duration_seconds: null,
  media_width: null,
  media_height: null,
  media_file_name: null,
  media_waveform: null,
  interactions: [],
  created_at: '2025-01-20T10:00:00.000Z',
  ordinal: 41,
  wa_id: '3EB0A1B2C3D4E5F6A7B8C9',
  from_me: false,
  sender_jid: null,
  status: 'received',
  error_code: null,
  reply_to_wa_id: null,
  edited_at: null,
  revoked_at: null,
  starred: false,
  hidden_at: null,
  expires_at: null,
}

export const sentMessageExample: Message = {
  ...messageExample,
  text_content: 'Todo bien, ¡gracias!',
  ordinal: 42,
  from_me: true,
  status: 'pending',
}

export const personalityExample: Personality = {
  id: 'f47ac10b-58cc-4372-a567-0e02b2c3d479',
  name: 'Tienda',
  instructions: 'Responde con amabilidad y brevedad.',
  created_at: '2025-01-20T10:00:00.000Z',
  updated_at: '2025-01-20T10:00:00.000Z',
}

export const contactExample: Contact = {
  id: '3f333df6-90a4-4fda-8dd3-9485d27cee36',
  session_id: conversationExample.session_id,
  display_name: 'Juan Pérez',
  name: 'Juan Pérez',
  verified_name: null,
  push_name: 'Juanito',
  phone: '1234567890',
  jids: ['1234567890@s.whatsapp.net', '98765432101234@lid'],
  conversation_id: conversationExample.id,
  blocked: false,
  photo_url: null,
}

export const groupExample: Group = {
  conversation_id: '0c3b1c1e-3f0e-4b8e-9a53-6d2f4f1f7a10',
  session_id: conversationExample.session_id,
  jid: '120363000000000000@g.us',
  subject: 'Vecinos',
  description: 'Portal 3',
  photo_url: null,
  owner_jid: '98765432101234@lid',
  created_at: '2025-01-20T09:00:00.000Z',
  only_admins_send: false,
  only_admins_edit: false,
  disappearing_seconds: null,
  parent_jid: null,
  left_at: null,
  complete: true,
  size: 2,
  my_role: 'member',
  activity_at: '2025-01-20T10:05:00.000Z',
}

export const groupParticipantsExample: GroupMember[] = [
  {
    jid: '98765432101234@lid',
    role: 'superadmin',
    name: 'Juan Pérez',
    phone: '1234567890',
    contact_id: '3f333df6-90a4-4fda-8dd3-9485d27cee36',
    is_me: false,
  },
  { jid: '98765432105678@lid', role: 'member', name: null, phone: '1987654321', contact_id: null, is_me: true },
]

export const searchResultExample: SearchResult = {
  message_id: messageExample.id,
  conversation_id: conversationExample.id,
  session_id: conversationExample.session_id,
  external_id: conversationExample.external_id,
  kind: 'contact',
  contact_name: conversationExample.contact_name,
  contact_photo_url: null,
  sender_type: 'user',
  message_type: 'text',
  from_me: false,
  sender_jid: null,
  status: 'received',
  created_at: messageExample.created_at,
  snippet: 'Hola, ¿cómo estás?',
  highlights: [[0, 4]],
  page_cursor: 'WyI4YzFlMzQ1NmE3YjhjOWQwIiwiMjAyNS0wMS0yMFQxMDowMDowMCswMDowMCIsIjQyIl0',
}

export const sessionExample: Session = {
  id: conversationExample.session_id,
  status: 'connected',
  reason: null,
  message: null,
  retry_at: null,
  restriction: null,
  connected: true,
  phone: '1987654321',
  push_name: 'María García',
  linked_at: '2025-01-20T09:58:00.000Z',
  sync_progress: 100,
  sync_status: 'complete',
  sync_messages: 18250,
  sync_chunks: 12,
  sync_chunks_stored: 12,
  sync_chunks_failed: 0,
}
