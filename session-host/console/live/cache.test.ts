import { QueryClient } from '@tanstack/react-query'
import { describe, expect, it } from 'vitest'
import type { Conversation } from '#shared/conversation.ts'
import type { Message } from '#shared/message.ts'
import {
  conversationsKey,
  conversationsOf,
  mergeMessages,
  messagesKey,
  messagesOf,
  patchMessageStatus,
  putConversation,
  putMessage,
  removeConversation,
  removeMessage,
  type ConversationData,
  type MessageData,
} from './cache.ts'

function conversation(id: string, activity_at: string, archived = false): Conversation {
  return {
    id,
    session_id: 's',
    external_id: `${id}@s.whatsapp.net`,
    kind: 'contact',
    contact_name: id,
    contact_photo_url: null,
    started_at: null,
    wa_user_id: null,
    ai_active: null,
    personality_id: null,
    no_ac_ai: null,
    unread_count: 0,
    archived,
    history_complete: false,
    pinned_at: null,
    muted_until: null,
    marked_unread: false,
    hidden_at: null,
    last_message_at: null,
    last_message_text: null,
    last_message_type: null,
    last_message_from_me: null,
    activity_at,
  }
}

function listOf(queryClient: QueryClient, q = '', archived = false): string[] {
  return conversationsOf(queryClient.getQueryData<ConversationData>(conversationsKey(q, archived))).map(({ id }) => id)
}

function loaded(): QueryClient {
  const queryClient = new QueryClient()
  const page = (conversations: Conversation[], next_cursor: string | null) => ({
    success: true as const,
    conversations,
    next_cursor,
  })
  queryClient.setQueryData<ConversationData>(conversationsKey('', false), {
    pages: [
      page([conversation('b', '2026-11-24T10:00:00Z')], 'x'),
      page([conversation('a', '2026-11-24 09:00:00+00')], null),
    ],
    pageParams: [null, 'x'],
  })
  queryClient.setQueryData<ConversationData>(conversationsKey('', true), {
    pages: [page([], null)],
    pageParams: [null],
  })
  queryClient.setQueryData<ConversationData>(conversationsKey('ana', false), {
    pages: [page([], null)],
    pageParams: [null],
  })
  return queryClient
}

describe('the list of chats', () => {
  it('moves a chat up when something happens in it, and keeps its cursors', () => {
    const queryClient = loaded()
    putConversation(queryClient, conversation('a', '2026-11-24T11:00:00Z'))
    expect(listOf(queryClient)).toEqual(['a', 'b'])
    const data = queryClient.getQueryData<ConversationData>(conversationsKey('', false))
    expect(data?.pages.map((page) => page.next_cursor)).toEqual(['x', null])
  })
  it('takes in a new chat, but not into the results of a search that did not find it', () => {
    const queryClient = loaded()
    putConversation(queryClient, conversation('c', '2026-11-24T12:00:00Z'))
    expect(listOf(queryClient)).toEqual(['c', 'b', 'a'])
    expect(listOf(queryClient, 'ana')).toEqual([])
  })
  it('moves an archived chat to the archived ones', () => {
    const queryClient = loaded()
    putConversation(queryClient, conversation('a', '2026-11-24T09:00:00Z', true))
    expect(listOf(queryClient)).toEqual(['b'])
    expect(listOf(queryClient, '', true)).toEqual(['a'])
  })
  it('forgets a chat that was merged into another', () => {
    const queryClient = loaded()
    removeConversation(queryClient, 'a')
    expect(listOf(queryClient)).toEqual(['b'])
  })
})

function message(id: string, ordinal: number, status: Message['status'] = 'pending'): Message {
  return {
    id,
    conversation_id: 'c',
    sender_type: 'user',
    message_type: 'text',
    text_content: id,
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
    created_at: '2026-11-24T10:00:00Z',
    ordinal,
    wa_id: id,
    from_me: true,
    sender_jid: null,
    status,
    error_code: null,
    reply_to_wa_id: null,
    edited_at: null,
    revoked_at: null,
    starred: false,
    hidden_at: null,
    expires_at: null,
  }
}

function pageOf(...messages: Message[]): MessageData {
  return { pages: [{ success: true, messages, previous_cursor: null, next_cursor: null }], pageParams: [null] }
}

describe('the messages of a chat', () => {
  const shown = (data: MessageData | undefined): string[] => messagesOf(data).map(({ id, status }) => `${id} ${status}`)

  it('stand in the order of arrival within a second, each once', () => {
    const queryClient = new QueryClient()
    queryClient.setQueryData(messagesKey('c'), pageOf(message('b', 2)))
    for (const next of [message('c', 3), message('a', 1), message('c', 3)]) putMessage(queryClient, next)
    expect(messagesOf(queryClient.getQueryData(messagesKey('c'))).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  })
  it('never fall back to an earlier status, whichever comes first, event or answer', () => {
    const queryClient = new QueryClient()
    queryClient.setQueryData(messagesKey('c'), pageOf(message('a', 1)))
    patchMessageStatus(queryClient, { conversation_id: 'c', message_id: 'a', status: 'delivered' })
    putMessage(queryClient, message('a', 1, 'pending'))
    expect(shown(queryClient.getQueryData(messagesKey('c')))).toEqual(['a delivered'])
  })
  it('keep what an event brought while an older answer was on its way', () => {
    const known = pageOf(message('a', 1, 'read'), message('b', 2, 'sent'))
    expect(shown(mergeMessages(known, pageOf(message('a', 1, 'sent'))))).toEqual(['a read', 'b sent'])
  })
  it('stay the very same when an answer brings nothing new', () => {
    const known = pageOf(message('a', 1, 'read'))
    expect(mergeMessages(known, pageOf(message('a', 1, 'sent')))).toBe(known)
  })
})

describe('what an event says while the first answer of a chat is on its way', () => {
  it('is there once the answer is, which may have left before it', async () => {
    const queryClient = new QueryClient()
    const answer = Promise.withResolvers<MessageData['pages'][number]>()
    const fetched = queryClient.fetchInfiniteQuery({
      queryKey: messagesKey('c'),
      queryFn: () => answer.promise,
      initialPageParam: null as string | null,
    })
    const [old, late, gone] = [message('old', 1), message('late', 2), message('gone', 3)]
    putMessage(queryClient, late)
    putMessage(queryClient, gone)
    removeMessage(queryClient, { conversation_id: 'c', message_id: 'gone' })
    patchMessageStatus(queryClient, { conversation_id: 'c', message_id: 'old', status: 'read' })
    answer.resolve({ success: true, messages: [old], previous_cursor: null, next_cursor: null })
    await fetched
    await expect
      .poll(() =>
        messagesOf(queryClient.getQueryData<MessageData>(messagesKey('c'))).map(({ id, status }) => [id, status]),
      )
      .toEqual([
        ['old', 'read'],
        ['late', late.status],
      ])
  })
})
