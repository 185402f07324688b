import type { QueryClient } from '@tanstack/react-query'
import type { EventEnvelope } from '#shared/events.ts'
import {
  messagesKey,
  patchConversation,
  patchMessageStatus,
  patchSession,
  putConversation,
  putMessage,
  removeConversation,
  removeMessage,
  sessionKey,
} from './cache.ts'

/** Brings the query cache to where the event says the world is; asks the server only for what the event doesn't carry. */
export function applyEvent(queryClient: QueryClient, event: EventEnvelope): void {
  if (event.conversation) putConversation(queryClient, event.conversation)
  if ('conversation_id' in event.data && (event.type === 'conversation.updated' || event.message?.content.notice))
    void queryClient.invalidateQueries({ queryKey: ['group', event.data.conversation_id] })
  if (event.message) putMessage(queryClient, event.message)
  switch (event.type) {
    case 'session.status': {
      const { status, reason, phone } = event.data
      const change = { id: event.sessionId, status, reason: reason ?? null, connected: status === 'connected' }
      patchSession(queryClient, phone === undefined ? change : { ...change, phone })
      void queryClient.invalidateQueries({ queryKey: sessionKey })
      return
    }
    case 'session.restriction':
      void queryClient.invalidateQueries({ queryKey: sessionKey })
      return
    case 'history.imported':
      void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      void queryClient.invalidateQueries({ queryKey: ['messages'] })
      return
    case 'history.status': {
      const { status, progress, messages, chunks, chunks_stored, chunks_failed } = event.data
      patchSession(queryClient, {
        sync_status: status,
        sync_progress: progress,
        sync_messages: messages,
        sync_chunks: chunks,
        sync_chunks_stored: chunks_stored,
        sync_chunks_failed: chunks_failed,
      })
      return
    }
    case 'conversation.created':
      if (!event.conversation) void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      return
    case 'conversation.updated':
      if (event.conversation) return
      if (event.data.unread_count === undefined) void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      else patchConversation(queryClient, event.data.conversation_id, { unread_count: event.data.unread_count })
      return
    case 'contact.updated':
      void queryClient.invalidateQueries({ queryKey: ['contact'] })
      return
    case 'conversation.merged':
      removeConversation(queryClient, event.data.merged_id)
      queryClient.removeQueries({ queryKey: messagesKey(event.data.merged_id) })
      void queryClient.invalidateQueries({ queryKey: messagesKey(event.data.conversation_id) })
      if (!event.conversation) void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      return
    case 'message.created':
    case 'message.updated':
      if (!event.message) void queryClient.invalidateQueries({ queryKey: messagesKey(event.data.conversation_id) })
      if (!event.conversation) void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      return
    case 'message.deleted':
      removeMessage(queryClient, event.data)
      if (!event.conversation) void queryClient.invalidateQueries({ queryKey: ['conversations'] })
      return
    case 'call.incoming':
    case 'call.ended':
    case 'command.finished':
    case 'command.failed':
      // A missed call is a message of its own.
      return
    case 'message.status':
      patchMessageStatus(queryClient, event.data)
      return
    default:
      return event satisfies never
  }
}
