import type { ActionName } from '#shared/actions.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { conversationExample, messageExample } from './examples.ts'

interface Documentation {
  tag: 'messages' | 'conversations' | 'groups' | 'calls'
  summary: string
  description: string
  example: Record<string, unknown>
  errors: ErrorCode[]
}

const conversationId = conversationExample.external_id
const messageId = messageExample.id
const groupId = '120363025246125486@g.us'
const kept = 'The message is kept and leaves in order; it is `pending` until WhatsApp acknowledges it. '
const asked =
  'Waits up to 10 seconds for WhatsApp. Takes effect here, with an event, when WhatsApp has taken it. Idempotency-Key as elsewhere. '
const sending: ErrorCode[] = [
  'conversation_not_found',
  'message_not_found',
  'session_not_linked',
  'not_in_group',
  'group_admins_only',
]
const changing: ErrorCode[] = ['message_not_found', 'session_not_linked', 'not_in_group', 'message_rejected']
const grouping: ErrorCode[] = [
  'invalid_group',
  'conversation_not_found',
  'session_not_linked',
  'not_a_group',
  'not_in_group',
  'group_admins_only',
  'group_refused',
]

/** What the OpenAPI document says of each action. */
export const actionDocumentation: Record<ActionName, Documentation> = {
  send_location: {
    tag: 'messages',
    summary: 'Send a place',
    description: kept + '`name` and `address` are shown with it.',
    example: { conversationId, latitude: 40.4168, longitude: -3.7038, name: 'Puerta del Sol' },
    errors: ['invalid_location', ...sending],
  },
  send_contacts: {
    tag: 'messages',
    summary: 'Send contact cards',
    description: kept + 'A contact has a `name`, and `phones` or a `vcard`.',
    example: { conversationId, contacts: [{ name: 'Juan Pérez', phones: ['+1 234 567 890'] }] },
    errors: ['invalid_contact', ...sending],
  },
  send_poll: {
    tag: 'messages',
    summary: 'Send a poll',
    description: kept + '`selectable` is how many options one may choose: 1 by default, 0 for any number.',
    example: { conversationId, name: '¿Cuándo?', options: ['Hoy', 'Mañana'], selectable: 1 },
    errors: ['invalid_poll', ...sending],
  },
  forward_message: {
    tag: 'messages',
    summary: 'Forward a message',
    description:
      kept +
      'A file goes with its caption of the moment. View-once messages, notices and what is not represented here can’t be forwarded.',
    example: { messageId, conversationId },
    errors: ['not_forwardable', ...sending],
  },
  edit_message: {
    tag: 'messages',
    summary: 'Edit a text or caption of yours',
    description: asked + 'The caption of a picture, film or document, too. For 15 minutes after it was sent.',
    example: { messageId, textContent: 'Nos vemos a las 8' },
    errors: ['empty_text', 'text_too_long', 'message_not_yours', 'not_editable', 'message_too_old', ...changing],
  },
  delete_message: {
    tag: 'messages',
    summary: 'Delete a message for everyone',
    description:
      asked + 'For two days and twelve hours after it was sent. An admin may delete what others wrote in a group.',
    example: { messageId },
    errors: ['message_not_yours', 'message_too_old', ...changing],
  },
  delete_for_me: {
    tag: 'messages',
    summary: 'Delete a message for yourself',
    description: asked + 'It goes from your phone and your other devices, and is hidden here; nobody else loses it.',
    example: { messageId },
    errors: ['message_not_found', 'session_not_linked'],
  },
  star_message: {
    tag: 'messages',
    summary: 'Star a message',
    description: asked + 'On your phone and your other devices, too; `starred` false takes the star away.',
    example: { messageId, starred: true },
    errors: ['message_not_found', 'session_not_linked'],
  },
  react: {
    tag: 'messages',
    summary: 'React to a message',
    description: asked + '`emoji` null takes the reaction back.',
    example: { messageId, emoji: '👍' },
    errors: ['invalid_reaction', ...changing],
  },
  vote: {
    tag: 'messages',
    summary: 'Vote on a poll',
    description: asked + '`options` in the poll’s own words take the place of an earlier vote; none takes it back.',
    example: { messageId, options: ['Mañana'] },
    errors: ['invalid_vote', 'not_a_poll', ...changing],
  },
  set_disappearing: {
    tag: 'conversations',
    summary: 'Let new messages disappear',
    description: asked + '`seconds` is 86400, 604800 or 7776000; 0 turns it off.',
    example: { conversationId, seconds: 604_800 },
    errors: [
      'invalid_timer',
      'conversation_not_found',
      'session_not_linked',
      'not_in_group',
      'group_admins_only',
      'message_rejected',
    ],
  },
  request_history: {
    tag: 'conversations',
    summary: 'Ask the phone for older messages',
    description:
      'Asks for up to `count` (50; at most 500) messages older than the oldest that is stored. Done when the phone was asked: the ' +
      'messages come as soon as it is online, with a `history.imported` event that names the conversation. `history_complete` of ' +
      'the conversation says that there are none. Idempotency-Key as elsewhere.',
    example: { conversationId, count: 100 },
    errors: ['conversation_not_found', 'message_not_found', 'session_not_linked', 'history_complete'],
  },
  reject_call: {
    tag: 'calls',
    summary: 'Refuse a call that rings',
    description: asked + '`callId` is in the event `call.incoming`.',
    example: { callId: '3EB0A1B2C3D4E5F6A7B8C9' },
    errors: ['call_not_found'],
  },
  create_group: {
    tag: 'groups',
    summary: 'Make a group',
    description:
      asked +
      '`result` has the `conversation_id` and, in `participants`, what became of each person: `{jid, ok, code?}`, ' +
      'with code `not_allowed`, `not_on_whatsapp`, `left_recently`, `already_in` or `refused`.',
    example: { subject: 'Familia', participants: [conversationId] },
    errors: grouping,
  },
  update_group: {
    tag: 'groups',
    summary: 'Change a group',
    description: asked + 'Subject, description, settings and picture; what is left out stays. Settings are for admins.',
    example: { conversationId: groupId, subject: 'Familia', description: 'Los domingos' },
    errors: grouping,
  },
  group_participants: {
    tag: 'groups',
    summary: 'Add, remove, promote or demote members',
    description:
      asked +
      '`result.participants` says what became of each: `{jid, ok, code?}`, with code `not_allowed` (their privacy lets nobody ' +
      'add them: send them the link), `not_on_whatsapp`, `left_recently`, `already_in`, `not_a_member` or `refused`.',
    example: { conversationId: groupId, action: 'add', participants: [conversationId] },
    errors: grouping,
  },
  group_invite: {
    tag: 'groups',
    summary: 'The invitation link of a group',
    description: asked + '`result` has `code` and `url`. `revoke` makes a new one; the one before no longer works.',
    example: { conversationId: groupId, revoke: false },
    errors: grouping,
  },
  join_group: {
    tag: 'groups',
    summary: 'Join a group by its invitation',
    description: asked + '`result` has the `conversation_id`.',
    example: { code: 'https://chat.whatsapp.com/AbCdEfGhIjKlMnOpQrStUv' },
    errors: ['invalid_invite', 'session_not_linked', 'group_refused'],
  },
  leave_group: {
    tag: 'groups',
    summary: 'Leave a group',
    description: asked + 'The conversation stays.',
    example: { conversationId: groupId },
    errors: grouping,
  },
}
