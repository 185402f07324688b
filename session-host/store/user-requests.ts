import { textCall, type SqlCall } from '#shared/actions.ts'
import type { Attachment } from '#shared/attachment.ts'
import type { Database, Transaction } from './database.ts'
import { createSubmissions } from './submissions.ts'

/** What a signed-in user asks through the socket: the same SQL functions as REST and supabase-js, run as that user. */
export interface UserRequests {
  /** Calls one of the shared actions' functions (shared/actions.ts). */
  act(userId: string, call: SqlCall): Promise<unknown>
  /** What a user submits is stored in the order of the calls, whether or not one waits for the other. */
  submitMessage(
    userId: string,
    request: {
      conversation: string
      text: string
      idempotencyKey?: string | undefined
      replyTo?: string | undefined
      mentions?: string[] | undefined
      preview?: object | undefined
    },
  ): Promise<SubmittedMessage>
  /** Files, one message each. */
  submitAttachments(
    userId: string,
    request: {
      conversation: string
      text: string
      attachments: Attachment[]
      idempotencyKey?: string | undefined
      replyTo?: string | undefined
    },
  ): Promise<{ messages: (Record<string, unknown> & { id: string })[]; replayed: boolean }>
  requestLink(userId: string): Promise<{ session_id: string; status: string }>
  /** `phone` is digits with the country code. The code itself comes through linkState. */
  requestPairingCode(userId: string, phone: string): Promise<{ session_id: string; status: string }>
  linkState(userId: string): Promise<LinkState>
}

export interface SubmittedMessage {
  message: Record<string, unknown> & { id: string }
  replayed: boolean
}

/** What link_state() answers, as far as linking goes. */
export interface LinkState {
  status: string
  pairing_phone?: string | null
  pairing_code?: string | null
  pairing_code_expires_at?: string | null
  pairing_error?: string | null
}

/**
 * The definer functions check auth.uid(), which reads these claims. `onAsked` hears after the commit of the sessions that have something
 * to do; whoever gives none has the database tell the hosts.
 *
 * @see UserRequests
 */
export function createUserRequests(database: Database, onAsked?: (sessionId: string) => void): UserRequests {
  // Prepared once a connection; there are as many texts as ways to call these functions.
  const names = new Map<string, string>()
  const submissions = createSubmissions<SubmittedMessage>(async (userId, texts) =>
    call(userId, `(select jsonb_agg(s.result order by s.n) from private.submit_texts($1) s)`, [JSON.stringify(texts)]),
  )

  function nameOf(text: string): string {
    const name = names.get(text) ?? `user_request_${names.size + 1}`
    names.set(text, name)
    return name
  }

  return {
    act: (userId, action) => callNamed(userId, action),
    submitMessage(userId, { conversation, text, idempotencyKey, ...more }) {
      const key = idempotencyKey ?? null
      const request = textCall({ conversationId: conversation, textContent: text, ...more }, key)
      const isPlain = request.name === 'submit_message' && more.replyTo === undefined
      return submissions.add({
        userId,
        plain: isPlain ? { conversation, text, key } : null,
        alone: () => callNamed(userId, request),
      })
    },
    submitAttachments: (userId, request) =>
      asUser(database, userId, async (transaction) => {
        const [row] = await transaction.query<{
          result: { messages: (Record<string, unknown> & { id: string })[]; replayed: boolean }
        }>(`select private.submit_attachments($1, $2, $3, $4, $5, 'user') as result`, [
          request.conversation,
          request.text,
          JSON.stringify(request.attachments),
          request.idempotencyKey ?? null,
          request.replyTo ?? null,
        ])
        if (!row) throw new Error('submit_attachments answered nothing')
        return row.result
      }),
    requestLink: (userId) => call<LinkRequest>(userId, 'private.request_link()'),
    requestPairingCode: (userId, phone) => call<LinkRequest>(userId, 'private.request_pairing_code($1, null)', [phone]),
    linkState: (userId) => call<LinkState>(userId, 'private.link_state()'),
  }

  /** Names come from the shared actions, never from a client. */
  function callNamed<T>(userId: string, { name, args }: SqlCall): Promise<T> {
    const named = Object.entries(args)
    const list = named.map(([argument], at) => `${argument} => $${at + 1}`).join(', ')
    const values = named.map(([, value]) => (isPlainObject(value) ? JSON.stringify(value) : value))
    return call<T>(userId, `private.${name}(${list})`, values)
  }

  /** One statement, and so one round trip and one transaction: the claims are set before the function is called, and gone afterwards. */
  async function call<T>(userId: string, expression: string, values: unknown[] = []): Promise<T> {
    const text = `with told as materialized (
           select set_config('request.jwt.claims', $${values.length + 1}, true) as claims,
             set_config('session_host.woken', $${values.length + 2}, true) as woken),
         done as materialized (select ${expression} as result from told where told.claims is not null)
         select result, current_setting('session_host.woken', true) as woken from done`
    const [row] = await database.query<{ result: T; woken: string | null }>(
      text,
      [...values, claimsOf(userId), onAsked ? collecting : ''],
      nameOf(text),
    )
    if (!row) throw new Error('a function answered nothing')
    for (const sessionId of new Set(row.woken?.split(',').slice(1))) onAsked?.(sessionId)
    return row.result
  }
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

interface LinkRequest {
  session_id: string
  status: string
}

function asUser<T>(database: Database, userId: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(`select set_config('request.jwt.claims', $1, true)`, [claimsOf(userId)])
    return await work(transaction)
  })
}

/** Has private.wake_hosts list the sessions behind it. */
const collecting = 'collecting'

function claimsOf(userId: string): string {
  return JSON.stringify({ sub: userId, role: 'authenticated' })
}
