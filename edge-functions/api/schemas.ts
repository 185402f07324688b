import { z } from '@hono/zod-openapi'
import {
  ConversationsResponse,
  ErrorResponse,
  MarkReadResponse,
  MessagesResponse,
  QrResponse,
  SendMessageResponse,
  SessionResponse,
  StartConversationResponse,
} from '#shared/api.ts'
import { Conversation } from '#shared/conversation.ts'
import { Message } from '#shared/message.ts'
import { Session } from '#shared/session.ts'

/** The shared response schemas under the names that the OpenAPI document gives them. */
const MessageComponent = Message.openapi('Message')
const ConversationComponent = Conversation.openapi('Conversation')
const SessionComponent = Session.openapi('Session')

export const schemas = {
  error: ErrorResponse.openapi('Error'),
  qr: QrResponse.openapi('QrResponse'),
  conversations: ConversationsResponse.extend({ conversations: z.array(ConversationComponent) }).openapi(
    'ConversationsResponse',
  ),
  startedConversation: StartConversationResponse.extend({ conversation: ConversationComponent }).openapi(
    'StartConversationResponse',
  ),
  markedRead: MarkReadResponse.openapi('MarkReadResponse'),
  messages: MessagesResponse.extend({ messages: z.array(MessageComponent) }).openapi('MessagesResponse'),
  sentMessage: SendMessageResponse.extend({ message: MessageComponent }).openapi('SendMessageResponse'),
  session: SessionResponse.extend({ session: SessionComponent }).openapi('SessionResponse'),
}
