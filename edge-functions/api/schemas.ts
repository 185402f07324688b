import { z } from '@hono/zod-openapi'
import {
  CommandResponse,
  ChangedConversationResponse,
  ContactResponse,
  ContactsResponse,
  ConversationsResponse,
  ErrorResponse,
  GroupResponse,
  GroupsResponse,
  MarkPlayedResponse,
  MarkReadResponse,
  DeletePersonalityResponse,
  MessagesResponse,
  PersonalitiesResponse,
  PersonalityResponse,
  PairingCodeResponse,
  PresenceResponse,
  QrResponse,
  RequestMediaResponse,
  SearchResponse,
  SearchResult,
  SendMessageResponse,
  SessionResponse,
  StartConversationResponse,
  UploadResponse,
} from '#shared/api.ts'
import { Contact } from '#shared/contact.ts'
import { Conversation } from '#shared/conversation.ts'
import { Group } from '#shared/group.ts'
import { Message } from '#shared/message.ts'
import { Personality } from '#shared/personality.ts'
import { Session } from '#shared/session.ts'

/**
 * The shared response schemas under the names that the OpenAPI document gives them. Cloned, because the OpenAPI library gives its
 * method only to schemas that are made after it was loaded, and shared ones may be older.
 */
const MessageComponent = Message.clone().openapi('Message')
const ConversationComponent = Conversation.clone().openapi('Conversation')
const ContactComponent = Contact.clone().openapi('Contact')
const SearchResultComponent = SearchResult.clone().openapi('SearchResult')
const PersonalityComponent = Personality.clone().openapi('Personality')
const SessionComponent = Session.clone().openapi('Session')

export const schemas = {
  error: ErrorResponse.clone().openapi('Error'),
  qr: QrResponse.clone().openapi('QrResponse'),
  pairingCode: PairingCodeResponse.clone().openapi('PairingCodeResponse'),
  conversations: ConversationsResponse.extend({ conversations: z.array(ConversationComponent) }).openapi(
    'ConversationsResponse',
  ),
  startedConversation: StartConversationResponse.extend({ conversation: ConversationComponent }).openapi(
    'StartConversationResponse',
  ),
  changedConversation: ChangedConversationResponse.extend({ conversation: ConversationComponent }).openapi(
    'ChangedConversationResponse',
  ),
  presence: PresenceResponse.clone().openapi('PresenceResponse'),
  markedPlayed: MarkPlayedResponse.clone().openapi('MarkPlayedResponse'),
  markedRead: MarkReadResponse.clone().openapi('MarkReadResponse'),
  messages: MessagesResponse.extend({ messages: z.array(MessageComponent) }).openapi('MessagesResponse'),
  sentMessage: SendMessageResponse.extend({
    message: MessageComponent,
    messages: z.array(MessageComponent).optional(),
  }).openapi('SendMessageResponse'),
  requestedMedia: RequestMediaResponse.clone().openapi('RequestMediaResponse'),
  upload: UploadResponse.clone().openapi('UploadResponse'),
  contact: ContactResponse.extend({ contact: ContactComponent }).openapi('ContactResponse'),
  command: CommandResponse.clone().openapi('CommandResponse'),
  groups: GroupsResponse.extend({ groups: z.array(Group.clone().openapi('Group')) }).openapi('GroupsResponse'),
  group: GroupResponse.clone().openapi('GroupResponse'),
  contacts: ContactsResponse.extend({ contacts: z.array(ContactComponent) }).openapi('ContactsResponse'),
  personalities: PersonalitiesResponse.extend({ personalities: z.array(PersonalityComponent) }).openapi(
    'PersonalitiesResponse',
  ),
  personality: PersonalityResponse.extend({ personality: PersonalityComponent }).openapi('PersonalityResponse'),
  deletedPersonality: DeletePersonalityResponse.clone().openapi('DeletePersonalityResponse'),
  search: SearchResponse.extend({ results: z.array(SearchResultComponent) }).openapi('SearchResponse'),
  session: SessionResponse.extend({ session: SessionComponent }).openapi('SessionResponse'),
}
