import type { z } from 'zod'
import type {
  ConversationsResponse,
  MessagesResponse,
  QrResponse,
  SendMessageResponse,
  SessionResponse,
  StartConversationResponse,
} from '#shared/api.ts'
import type { Conversation } from '#shared/conversation.ts'
import type { Message } from '#shared/message.ts'
import type { Session } from '#shared/session.ts'

export type ConversationPage = z.infer<typeof ConversationsResponse>
export type MessagePage = z.infer<typeof MessagesResponse>
export type QrAnswer = z.infer<typeof QrResponse>

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
  sendMessage: (message: { conversationId: string; textContent: string; idempotencyKey: string }) => Promise<Message>
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
    sendMessage: async ({ idempotencyKey, ...message }) =>
      (await post<z.infer<typeof SendMessageResponse>>('send_message', message, { 'idempotency-key': idempotencyKey }))
        .message,
    startConversation: async (phone) =>
      (await post<z.infer<typeof StartConversationResponse>>('start_conversation', { phone })).conversation,
    markRead: async (conversationId) => void (await post('mark_read', { conversationId })),
    logout: async () => void (await post('logout', {})),
  }
}

interface RestErrorBody {
  code?: string
  message?: string
}

function withQuery(path: string, query: Record<string, string | null>): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== null) search.set(name, value)
  return search.size > 0 ? `${path}?${search}` : path
}
