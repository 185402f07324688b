import type { z } from 'zod'
import type { ActionName, actions } from '#shared/actions.ts'
import type {
  ChangedConversationResponse,
  ConversationsResponse,
  GroupResponse,
  MessagesResponse,
  PairingCodeResponse,
  QrResponse,
  SearchResponse,
  SearchResult,
  SendMessageResponse,
  SessionResponse,
  StartConversationResponse,
  UploadResponse,
} from '#shared/api.ts'
import type { Attachment } from '#shared/attachment.ts'
import type { Conversation } from '#shared/conversation.ts'
import type { GroupWithParticipants } from '#shared/group.ts'
import type { Message } from '#shared/message.ts'
import type { Session } from '#shared/session.ts'

export type ConversationPage = z.infer<typeof ConversationsResponse>
export type MessagePage = z.infer<typeof MessagesResponse>
export type SearchPage = z.infer<typeof SearchResponse>
export type SearchHit = SearchResult
export type QrAnswer = z.infer<typeof QrResponse>

export type PairingCode = z.infer<typeof PairingCodeResponse>['data']
export type Upload = z.infer<typeof UploadResponse>['upload']

export interface NewMessage {
  conversationId: string
  textContent: string
  idempotencyKey: string
  replyTo?: string
  attachments?: Attachment[]
}

/** A refusal in the words of the server, or `offline` when there was no answer at all. */
export class RestError extends Error {
  readonly code: string
  override readonly name = 'RestError'
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

export interface RestClient {
  session: (signal?: AbortSignal) => Promise<Session>
  /** Starts linking when none is running; waits a bounded time for the QR. */
  qr: (signal?: AbortSignal) => Promise<QrAnswer>
  conversations: (
    query: { q: string; archived: boolean; cursor: string | null },
    signal?: AbortSignal,
  ) => Promise<ConversationPage>
  messages: (
    query: { conversationId: string; limit: number; before: string | null },
    signal?: AbortSignal,
  ) => Promise<MessagePage>
  /** Messages of all chats that hold these words. */
  search: (query: { q: string; cursor: string | null }, signal?: AbortSignal) => Promise<SearchPage>
  /** Answers the messages as they are kept: one, or one for each file. */
  sendMessage: (message: NewMessage) => Promise<Message[]>
  /** One of the shared actions; its key makes a repeat harmless. */
  act: <N extends ActionName>(name: N, request: z.input<(typeof actions)[N]['request']>, key: string) => Promise<void>
  /** Where a file of this name may be put. */
  upload: (fileName: string, signal?: AbortSignal) => Promise<Upload>
  requestMedia: (messageId: string) => Promise<void>
  setChatState: (
    conversationId: string,
    state: { archived?: boolean; pinned?: boolean; mutedUntil?: string | null },
  ) => Promise<Conversation>
  markUnread: (conversationId: string) => Promise<Conversation>
  group: (id: string, signal?: AbortSignal) => Promise<GroupWithParticipants>
  /** A code to type on the phone of this number; waits a bounded time for it. */
  pairingCode: (phone: string) => Promise<PairingCode>
  startConversation: (phone: string) => Promise<Conversation>
  markRead: (conversationId: string) => Promise<void>
  logout: () => Promise<void>
}

/** The REST API of the contract, asked as the signed-in user, in the reader's language. Every method fails with a RestError. */
export function createRestClient(dependencies: {
  getToken: () => Promise<string | null>
  getLanguage: () => string
}): RestClient {
  async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
    const token = await dependencies.getToken()
    const headers = new Headers(init.headers)
    headers.set('accept-language', dependencies.getLanguage())
    if (token) headers.set('authorization', `Bearer ${token}`)
    if (init.body !== undefined) headers.set('content-type', 'application/json')
    let response: Response
    try {
      response = await fetch(`/api/whatsapp/${path}`, { ...init, headers })
    } catch (error) {
      if (init.signal?.aborted) throw error
      throw new RestError('offline', 'no answer')
    }
    const body = (await response.json().catch(() => null)) as { success?: boolean; error?: RestErrorBody } | null
    if (response.ok && body?.success) return body as T
    throw new RestError(body?.error?.code ?? 'other', body?.error?.message ?? '')
  }
  const post = <T>(path: string, body: object, headers: Record<string, string> = {}): Promise<T> =>
    request<T>(path, { method: 'POST', body: JSON.stringify(body), headers })
  const get = <T>(path: string, query: Record<string, string | null>, signal?: AbortSignal): Promise<T> =>
    request<T>(withQuery(path, query), signal ? { signal } : {})

  return {
    session: async (signal) => (await get<z.infer<typeof SessionResponse>>('session', {}, signal)).session,
    qr: (signal) => get<QrAnswer>('qr', {}, signal),
    conversations: ({ q, archived, cursor }, signal) =>
      get<ConversationPage>('get_conversations', { q: q || null, archived: archived ? 'true' : null, cursor }, signal),
    messages: ({ conversationId, limit, before }, signal) =>
      get<MessagePage>('get_messages', { conversationId, limit: String(limit), before }, signal),
    search: ({ q, cursor }, signal) => get<SearchPage>('search', { q, cursor, limit: '20' }, signal),
    sendMessage: async ({ idempotencyKey, ...message }) => {
      const headers = { 'idempotency-key': idempotencyKey }
      const answer = await post<z.infer<typeof SendMessageResponse>>('send_message', message, headers)
      return answer.messages ?? [answer.message]
    },
    act: async (name, request, key) => void (await post(name, request, { 'idempotency-key': key })),
    upload: async (fileName, signal) =>
      (
        await request<z.infer<typeof UploadResponse>>('uploads', {
          method: 'POST',
          body: JSON.stringify({ fileName }),
          ...(signal ? { signal } : {}),
        })
      ).upload,
    requestMedia: async (messageId) => void (await post('request_media', { messageId })),
    setChatState: async (conversationId, state) =>
      (await post<Changed>('set_chat_state', { conversationId, ...state })).conversation,
    markUnread: async (conversationId) => (await post<Changed>('mark_unread', { conversationId })).conversation,
    group: async (id, signal) =>
      (await get<z.infer<typeof GroupResponse>>(`groups/${encodeURIComponent(id)}`, {}, signal)).group,
    pairingCode: async (phone) => (await post<z.infer<typeof PairingCodeResponse>>('pairing_code', { phone })).data,
    startConversation: async (phone) =>
      (await post<z.infer<typeof StartConversationResponse>>('start_conversation', { phone })).conversation,
    markRead: async (conversationId) => void (await post('mark_read', { conversationId })),
    logout: async () => void (await post('logout', {})),
  }
}

type Changed = z.infer<typeof ChangedConversationResponse>

interface RestErrorBody {
  code?: string
  message?: string
}

function withQuery(path: string, query: Record<string, string | null>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== null) search.set(name, value)
  return search.size > 0 ? `${path}?${search}` : path
}
