import type { Socket } from 'socket.io'
import type { z } from 'zod'
import { refuseTextExtras } from '#shared/attachment.ts'
import { parsePhone } from '#shared/contact.ts'
import { describeError, preferredLanguage, PublicError, toPublicError } from '#shared/errors.ts'
import {
  ActionEvents,
  ClientEvents,
  type Acknowledgement,
  type ClientEventName,
  type ClientToServerEvents,
  type ServerToClientEvents,
} from '#shared/events.ts'
import type { Caller, VerifyToken } from '#shared/tokens.ts'
import { describeReason } from '#shared/session-reasons.ts'
import { awaitPairingCode } from './await-pairing-code.ts'
import { watchBacklog } from './backlog.ts'
import type { SocketSlots } from '../store/socket-slots.ts'
import type { UserRequests } from '../store/user-requests.ts'
import { endConnection } from './end-connection.ts'
import type { Logger } from './logger.ts'
import type { Publisher } from './publisher.ts'
import type { Subscriber } from './subscriber.ts'

export interface ClientOptions {
  verifyToken: VerifyToken
  publisher: Publisher
  requests: UserRequests
  slots: SocketSlots
  logger: Logger
}

/** What is known of a connection: who the handshake's token named, and whose slot it has. */
export interface ClientData {
  caller?: Caller
  userId?: string
}

type ClientSocket = Socket<ClientToServerEvents, ServerToClientEvents, Record<string, never>, ClientData>

/** A connection that has not shown a token by then is closed. Milliseconds. */
const anonymousMs = 30_000
/** What a connection may have asked and not been answered yet: requests, and their length in characters. */
const mostWaiting = 10_000
const mostWaitingLength = 16 * 1024 * 1024
/** Pairing codes that a connection waits for at once. */
const mostCodes = 5
/** setTimeout's largest delay; a token that lives longer is looked at again then. */
const maxTimerMs = 2 ** 31 - 1

/** One connection: who it is, how long its token lasts, and what it asks. */
export function attachClient(socket: ClientSocket, options: ClientOptions): void {
  const { publisher, requests, slots, verifyToken, logger } = options
  const language = preferredLanguage(socket.handshake.headers['accept-language'])
  const sentIds = new Map<string, string>()
  let userId: string | undefined
  let subscriber: Subscriber | undefined
  let waits = false
  const backlog = watchBacklog(socket, () => {
    if (!waits || !subscriber) return
    waits = false
    publisher.resume(subscriber)
  })
  let admission: Promise<void> | undefined
  // What a client asks is done in the order in which it asked: two messages must not overtake each other.
  let last: Promise<unknown> = Promise.resolve()
  const waiting = { requests: 0, length: 0 }
  // Texts keep their order among themselves without waiting for each other; whatever else is asked comes after them.
  let submitting: Promise<unknown> = Promise.resolve()
  // Each number's code is waited for once, however often it is asked for.
  const codes = new Map<string, ReturnType<typeof awaitPairingCode>>()
  let expiry = setTimeout(() => refuse(new PublicError('missing_token')), anonymousMs)

  const handshake = socket.data.caller
  if (handshake) admit(handshake).catch(refuse)

  on('join', async ({ token, since }) => {
    const who = await authenticate(token)
    await publisher.subscribe(who, since)
    await publisher.announceReady(who)
    return { userId: who.userId }
  })

  on('get-qr', async ({ token }) => {
    const who = await authenticate(token)
    await publisher.subscribe(who)
    const { status } = await requests.requestLink(who.userId)
    await publisher.watchLinking(who)
    return { status }
  })

  on('get-pairing-code', async ({ token, phone }) => {
    const who = await authenticate(token)
    const digits = parsePhone(phone)
    if (digits === null) throw new PublicError('invalid_phone')
    await publisher.subscribe(who)
    await requests.requestPairingCode(who.userId, digits)
    await publisher.watchLinking(who)
    // Others of this connection need not wait for WhatsApp.
    let code = codes.get(digits)
    if (!code) {
      if (codes.size >= mostCodes) throw new PublicError('rate_limited')
      code = awaitPairingCode(requests, who.userId, digits).finally(() => codes.delete(digits))
      codes.set(digits, code)
    }
    return { later: code }
  })

  on('send-message', async ({ token, attachments, conversationId, textContent, ...more }) => {
    const who = await authenticate(token)
    await publisher.subscribe(who)
    refuseTextExtras({ attachments, ...more }, language)
    if (attachments && attachments.length > 0) {
      await submitting
      const { idempotencyKey, replyTo } = more
      const request = { conversation: conversationId, text: textContent, attachments, idempotencyKey, replyTo }
      const { messages, replayed } = await requests.submitAttachments(who.userId, request)
      for (const { id } of messages) noteSent(id, conversationId)
      return { message: messages[0], messages, replayed }
    }
    const submitted = requests
      .submitMessage(who.userId, { conversation: conversationId, text: textContent, ...more })
      .then(({ message, replayed }) => {
        noteSent(message.id, conversationId)
        return { message, replayed }
      })
    submitting = submitted.catch(() => undefined)
    return { later: submitted }
  })

  on('set-presence', async ({ token, conversationId, state }) => {
    const who = await authenticate(token)
    await requests.act(who.userId, {
      name: 'set_presence',
      args: { p_state: state, p_conversation: conversationId ?? null },
    })
    return { state }
  })

  for (const [name, { action, data: schema }] of ActionEvents)
    listen(name, schema, async ({ token, idempotencyKey, ...request }) => {
      const who = await authenticate(typeof token === 'string' ? token : undefined)
      await publisher.subscribe(who)
      return requests.act(who.userId, action.call(request, typeof idempotencyKey === 'string' ? idempotencyKey : null))
    })

  socket.on('disconnect', () => {
    clearTimeout(expiry)
    if (subscriber) publisher.unsubscribe(subscriber)
    if (userId) slots.release(socket.id).catch(() => undefined)
  })

  function noteSent(id: string, conversationId: string): void {
    sentIds.set(id, conversationId)
    if (sentIds.size > 1_000) for (const [oldest] of sentIds) if (sentIds.size > 1_000) sentIds.delete(oldest)
  }

  /** Answers an event: checks its shape, runs it, acknowledges or reports. Never throws into Socket.IO. */
  function on<K extends ClientEventName>(
    name: K,
    handle: (data: z.output<(typeof ClientEvents)[K]>) => Promise<unknown>,
  ): void {
    listen(name, ClientEvents[name] as unknown as z.ZodType<z.output<(typeof ClientEvents)[K]>>, handle)
  }

  function listen<T>(name: string, schema: z.ZodType<T>, handle: (data: T) => Promise<unknown>): void {
    const listener = (...args: unknown[]): void => {
      // Clients that have nothing to say may leave the object out.
      const [data, acknowledge] = typeof args[0] === 'function' ? [undefined, args[0]] : args
      const answer = (result: Acknowledgement): void => {
        if (typeof acknowledge === 'function') (acknowledge as (result: Acknowledgement) => void)(result)
      }
      const length = lengthOf(data)
      if (waiting.requests >= mostWaiting || waiting.length + length > mostWaitingLength)
        return failed(new PublicError('rate_limited'))
      waiting.requests += 1
      waiting.length += length
      last = last.then(carryOut).catch((error: unknown) => {
        failed(error)
        done()
      })
      async function carryOut(): Promise<void> {
        if (name !== 'send-message') await submitting
        const result = await handle(parse(schema, name, data))
        if (isLater(result)) {
          void result.later
            .then((found) => answer({ ok: true, data: found }))
            .catch(failed)
            .finally(done)
          return
        }
        answer({ ok: true, data: result })
        done()
      }
      function done(): void {
        waiting.requests -= 1
        waiting.length -= length
      }
      function failed(error: unknown): void {
        const { code, sentence } = report(error)
        socket.emit('error', sentence)
        answer({ ok: false, error: { code, message: sentence } })
        if (isTokenTrouble(code) && !userId) socket.disconnect(true)
        if (code === 'too_many_connections') socket.disconnect(true)
      }
    }
    socket.on(name as never, listener as never)
  }

  /** The subscriber of a valid token: the event's own, else the one that the connection has. */
  async function authenticate(token: string | undefined): Promise<Subscriber> {
    if (token === undefined) {
      await admission
      if (!subscriber) throw new PublicError('missing_token')
      return subscriber
    }
    return admit(await verifyToken(token))
  }

  async function admit(caller: Caller): Promise<Subscriber> {
    if (userId !== undefined && userId !== caller.userId) throw new PublicError('other_user')
    userId = caller.userId
    admission ??= claimSlot(caller.userId)
    await admission
    // It left while it was let in; nobody would take its subscription away again.
    if (!socket.connected) throw new PublicError('unavailable', { detail: 'disconnected' })
    closeAt(caller.expiresAt)
    return (subscriber ??= createSubscriber(caller.userId))
  }

  async function claimSlot(user: string): Promise<void> {
    const claimed = await slots.claim(socket.id, user)
    if (claimed && !socket.connected) await slots.release(socket.id)
    if (!claimed) throw new PublicError('too_many_connections')
    socket.data.userId = user
  }

  /** A token's end is the connection's, unless a fresh one comes before. */
  function closeAt(epochSeconds: number): void {
    clearTimeout(expiry)
    if (!socket.connected) return
    const left = epochSeconds * 1_000 - Date.now()
    expiry = setTimeout(
      () => (left > maxTimerMs ? closeAt(epochSeconds) : refuse(new PublicError('expired_token'))),
      Math.min(Math.max(left, 0), maxTimerMs),
    )
  }

  function refuse(error: unknown): void {
    socket.emit('error', report(error).sentence)
    endConnection(socket)
  }

  function report(error: unknown): { code: string; sentence: string } {
    const known = toPublicError(error)
    if (known.code === 'internal')
      logger.error(
        { socket: socket.id, error: known.cause instanceof Error ? known.cause.message : 'unknown' },
        'a socket event failed',
      )
    const sentence = known.sentence ?? describeError(known.code, language).message
    return { code: known.code, sentence }
  }

  function createSubscriber(user: string): Subscriber {
    return {
      userId: user,
      conversationIdFor: (messageId, externalId) => sentIds.get(messageId) ?? externalId,
      isFull() {
        const full = backlog.isFull()
        waits ||= full
        return full
      },
      emit: {
        event: (event) => socket.emit('event', event),
        qrCode: (dataUrl) => socket.emit('qr-code', dataUrl),
        pairingCode: (code) => socket.emit('pairing-code', code),
        sessionReady: (session) =>
          socket.emit('session-ready', { success: true, sessionId: session.id, phone: session.phone }),
        sessionClosed: ({ id, reason }) =>
          socket.emit('session-closed', { reason, message: describeReason(reason, language), sessionId: id }),
        chatsUpdated: () => socket.emit('chats-updated'),
        messageSent: (data) => socket.emit('message-sent', { success: true, ...data }),
        resync: (data) => socket.emit('resync', data),
        // What is a moment late is of no use.
        presence: (data) => socket.volatile.emit('presence', data),
      },
    }
  }
}

/** The event's data in its schema, or invalid_request with a sentence a wrong field. */
function parse<T>(schema: z.ZodType<T>, name: string, data: unknown): T {
  const result = schema.safeParse(data ?? {})
  if (result.success) return result.data
  const sentences = result.error.issues.map((issue) => `${issue.path.join('.') || name}: ${issue.message}`)
  throw new PublicError('invalid_request', { sentence: sentences.join('; ') })
}

/** How long data is as it came; what is no JSON (binary attachments) is refused later, and as long as it is. */
function lengthOf(data: unknown): number {
  if (ArrayBuffer.isView(data)) return data.byteLength
  return JSON.stringify(data)?.length ?? 0
}

/** An answer that comes when it comes, while what was asked next goes on. */
function isLater(result: unknown): result is { later: Promise<unknown> } {
  return typeof result === 'object' && result !== null && 'later' in result && result.later instanceof Promise
}

function isTokenTrouble(code: string): boolean {
  return code === 'missing_token' || code === 'invalid_token' || code === 'expired_token'
}
