import { replaceEqualDeep, type InfiniteData, type QueryClient, type QueryKey } from '@tanstack/react-query'
import type { Conversation } from '#shared/conversation.ts'
import type { Message, MessageStatus } from '#shared/message.ts'
import type { Session } from '#shared/session.ts'
import type { ConversationPage, MessagePage } from '../api/rest-client.ts'

export type ConversationData = InfiniteData<ConversationPage>
/** Pages from the newest to the oldest, each in ascending order. */
export type MessageData = InfiniteData<MessagePage>

export const sessionKey = ['session'] as const
export const conversationsKey = (q: string, archived: boolean) => ['conversations', { q, archived }] as const
export const messagesKey = (conversationId: string) => ['messages', conversationId] as const

/** All loaded conversations of a list, each once: what is pinned on top, as on the phone, then newest activity first. */
export function conversationsOf(data: ConversationData | undefined): Conversation[] {
  const byId = new Map<string, Conversation>()
  for (const page of data?.pages ?? [])
    for (const conversation of page.conversations) byId.set(conversation.id, conversation)
  return [...byId.values()].toSorted(
    (a, b) =>
      Number(b.pinned_at !== null) - Number(a.pinned_at !== null) ||
      Date.parse(b.activity_at) - Date.parse(a.activity_at) ||
      (a.id < b.id ? 1 : -1),
  )
}

/** All loaded messages of a conversation in ascending order, each once. */
export function messagesOf(data: MessageData | undefined): Message[] {
  const byId = new Map<string, Message>()
  for (const page of data?.pages ?? []) for (const message of page.messages) byId.set(message.id, message)
  return [...byId.values()].toSorted(compareMessages)
}

/**
 * An answer may have been on its way while events brought newer things: what they brought stays. Messages are taken away by an event only, so
 * those that the answer lacks within its reach are newer than it.
 */
export function mergeMessages(known: MessageData | undefined, answer: MessageData): MessageData {
  const [newest, ...older] = answer.pages
  if (!known || !newest) return answer
  const before = new Map(messagesOf(known).map((message) => [message.id, message]))
  const pages = [newest, ...older].map((page) => ({
    ...page,
    messages: page.messages.map((message) => {
      const old = before.get(message.id)
      return old ? { ...message, status: laterStatus(old.status, message.status) } : message
    }),
  }))
  const [first] = messagesOf(answer)
  const answered = new Set(messagesOf(answer).map(({ id }) => id))
  const added = [...before.values()].filter(({ id }) => !answered.has(id))
  const kept = first ? added.filter((message) => compareMessages(message, first) > 0) : added
  const [top, ...rest] = pages
  if (!top) return answer
  return replaceEqualDeep(known, { ...answer, pages: [{ ...top, messages: [...top.messages, ...kept] }, ...rest] })
}

/** Of a conversation that an answer and an event both know, the one with the newer activity stays. */
export function mergeConversations(known: ConversationData | undefined, answer: ConversationData): ConversationData {
  if (!known) return answer
  const before = new Map(conversationsOf(known).map((conversation) => [conversation.id, conversation]))
  const newer = (conversation: Conversation): Conversation => {
    const old = before.get(conversation.id)
    return old && Date.parse(old.activity_at) > Date.parse(conversation.activity_at) ? old : conversation
  }
  const pages = answer.pages.map((page) => ({ ...page, conversations: page.conversations.map(newer) }))
  return replaceEqualDeep(known, { ...answer, pages })
}

/** The contract's order: WhatsApp's time, then arrival. */
export function compareMessages(a: Message, b: Message): number {
  return Date.parse(a.created_at) - Date.parse(b.created_at) || a.ordinal - b.ordinal
}

/** The conversation as any loaded list has it. */
export function findConversation(queryClient: QueryClient, id: string): Conversation | undefined {
  const single = queryClient.getQueryData<Conversation | null>(['conversation', id])
  if (single) return single
  for (const [, data] of conversationLists(queryClient)) {
    const found = data?.pages.flatMap((page) => page.conversations).find((conversation) => conversation.id === id)
    if (found) return found
  }
  return undefined
}

/** Puts the row into every list where it belongs and takes it out of those where it doesn't. */
export function putConversation(queryClient: QueryClient, conversation: Conversation): void {
  queryClient.setQueryData(['conversation', conversation.id], conversation)
  for (const [key, data] of conversationLists(queryClient)) {
    if (!data) continue
    const { q, archived } = key[1] as { q: string; archived: boolean }
    const known = conversationsOf(data).some(({ id }) => id === conversation.id)
    if (conversation.archived !== archived) {
      if (known) removeFrom(queryClient, key, conversation.id)
    } else if (known || q === '') replacePages(queryClient, key, data, [...conversationsOf(data), conversation])
  }
}

export function patchConversation(queryClient: QueryClient, id: string, change: Partial<Conversation>): void {
  const conversation = findConversation(queryClient, id)
  if (conversation) putConversation(queryClient, { ...conversation, ...change })
}

export function removeConversation(queryClient: QueryClient, id: string): void {
  queryClient.removeQueries({ queryKey: ['conversation', id] })
  for (const [key] of conversationLists(queryClient)) removeFrom(queryClient, key, id)
}

/** Adds or replaces a message, if its conversation is loaded. Never lowers a status: events and answers may overtake each other. */
export function putMessage(queryClient: QueryClient, message: Message): void {
  if (waitsForAnswer(queryClient, message.conversation_id, () => putMessage(queryClient, message))) return
  queryClient.setQueryData<MessageData>(messagesKey(message.conversation_id), (data) => {
    const [newest, ...older] = data?.pages ?? []
    if (!data || !newest) return data
    const known = messagesOf(data).find(({ id }) => id === message.id)
    const next = known ? { ...message, status: laterStatus(known.status, message.status) } : message
    if (known)
      return {
        ...data,
        pages: data.pages.map((page) => ({
          ...page,
          messages: page.messages.map((m) => (m.id === next.id ? next : m)),
        })),
      }
    return { ...data, pages: [{ ...newest, messages: [...newest.messages, next] }, ...older] }
  })
}

export function patchMessageStatus(
  queryClient: QueryClient,
  {
    conversation_id,
    message_id,
    status,
    error_code,
  }: { conversation_id: string; message_id: string; status: MessageStatus; error_code?: string | null | undefined },
): void {
  const again = { conversation_id, message_id, status, error_code }
  if (waitsForAnswer(queryClient, conversation_id, () => patchMessageStatus(queryClient, again))) return
  const data = queryClient.getQueryData<MessageData>(messagesKey(conversation_id))
  const message = messagesOf(data).find(({ id }) => id === message_id)
  if (message) putMessage(queryClient, { ...message, status, error_code: error_code ?? message.error_code })
}

/** Takes a message that disappeared out of its chat. */
export function removeMessage(
  queryClient: QueryClient,
  { conversation_id, message_id }: { conversation_id: string; message_id: string },
): void {
  const again = { conversation_id, message_id }
  if (waitsForAnswer(queryClient, conversation_id, () => removeMessage(queryClient, again))) return
  queryClient.setQueryData<MessageData>(
    messagesKey(conversation_id),
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({ ...page, messages: page.messages.filter(({ id }) => id !== message_id) })),
      },
  )
}

/**
 * Whether a conversation's first answer is still on its way. It may have left before what an event now says: that is said again once it
 * is here.
 */
function waitsForAnswer(queryClient: QueryClient, conversationId: string, sayAgain: () => void): boolean {
  const cache = queryClient.getQueryCache()
  const query = cache.find({ queryKey: messagesKey(conversationId), exact: true })
  if (!query || query.state.data !== undefined || query.state.fetchStatus === 'idle') return false
  const stop = cache.subscribe(({ type, query: changed }) => {
    if (changed !== query || (type !== 'removed' && query.state.fetchStatus !== 'idle')) return
    stop()
    if (query.state.data !== undefined) sayAgain()
  })
  return true
}

export function patchSession(queryClient: QueryClient, change: Partial<Session>): void {
  queryClient.setQueryData<Session>(sessionKey, (session) => (session ? { ...session, ...change } : session))
}

const rank: Record<MessageStatus, number> = {
  pending: 0,
  failed: 1,
  received: 1,
  sent: 2,
  delivered: 3,
  read: 4,
  played: 5,
}

function laterStatus(a: MessageStatus, b: MessageStatus): MessageStatus {
  return rank[a] > rank[b] ? a : b
}

function conversationLists(queryClient: QueryClient): [QueryKey, ConversationData | undefined][] {
  return queryClient.getQueriesData<ConversationData>({ queryKey: ['conversations'] })
}

function removeFrom(queryClient: QueryClient, key: QueryKey, id: string): void {
  queryClient.setQueryData<ConversationData>(
    key,
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page) => ({ ...page, conversations: page.conversations.filter((c) => c.id !== id) })),
      },
  )
}

/** All rows go to the first page and the cursors stay, so that paging goes on from where it was. Later duplicates win. */
function replacePages(queryClient: QueryClient, key: QueryKey, data: ConversationData, rows: Conversation[]): void {
  const unique = [...new Map(rows.map((row) => [row.id, row])).values()]
  const pages = data.pages.map((page, index) => ({ ...page, conversations: index === 0 ? unique : [] }))
  queryClient.setQueryData<ConversationData>(key, { ...data, pages })
}
