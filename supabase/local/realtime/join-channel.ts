import type { Issuer } from '../auth/create-issuer.ts'
import type { Caller } from '../caller.ts'
import type { Authoriser, Extension, Speaker } from './create-authoriser.ts'
import type { Feed } from './create-feed.ts'
import { type Frame, UserBroadcast } from './frame.ts'
import { type Bearer, identifyToken } from './identify-token.ts'
import { type JoinOptions, record } from './join-options.ts'
import { JoinRefused } from './join-refused.ts'
import { type Member, roomName, type Rooms } from './rooms.ts'

export interface ChannelParts {
  authoriser: Authoriser
  feed: Pick<Feed, 'ready'>
  issuer: Issuer
  rooms: Rooms
}

export interface ChannelRequest {
  /** The topic without `realtime:`. */
  topic: string
  options: JoinOptions
  /** Who holds the connection's API key, and the connection's headers. */
  keyHolder: Caller
  headers: Record<string, string>
  /** Writes to the client. */
  send: Member['send']
  /** Sends an event of this channel to the client. */
  push: (event: string, payload: unknown) => void
  /** Asks for `checkToken` to be called, in turn with the client's messages. */
  tokenDue: () => void
}

/** A joined channel. Every method that throws `JoinRefused` means: the client must be told, and the channel ends. */
export interface Channel {
  /** Begins to receive. Call it when the client has been told that it joined. */
  open(): void
  /** Handles one message of the client; the answer is the status and response of its reply, if it gets one. */
  handle(frame: Frame): Promise<Reply | undefined>
  checkToken(): Promise<void>
  leave(): void
}

export interface Reply {
  status: 'ok' | 'error'
  response: object
}

/** What a broadcast may weigh, in bytes: the platform's largest. */
const maximumBytes = 3_000_000
/** A token is looked at again this often, in ms. */
const confirmEvery = 300_000

/** Lets a caller into a channel, or throws `JoinRefused`: the token must hold, and on a private one the policies must let it read. */
export async function joinChannel(
  { topic, options, keyHolder, headers, send, push, tokenDue }: ChannelRequest,
  { authoriser, feed, issuer, rooms }: ChannelParts,
): Promise<Channel> {
  const room = roomName(topic, options.private)
  let token = options.token
  let bearer: Bearer = await identifyToken(token, keyHolder, issuer)
  let readable = await mayRead(bearer)
  let writable: Set<Extension> | undefined
  await feed.ready()
  let presence = options.presence.enabled
  let timer: NodeJS.Timeout | undefined
  const member: Member = {
    send,
    get receivesBroadcasts() {
      return readable.has('broadcast')
    },
    get receivesPresence() {
      return presence && readable.has('presence')
    },
  }

  async function mayRead({ caller }: Bearer): Promise<Set<Extension>> {
    if (!options.private) return new Set<Extension>(['broadcast', 'presence'])
    const speaker: Speaker = { caller, headers }
    const allowed = await authoriser.readable(topic, speaker, ['broadcast', 'presence'])
    if (allowed.size === 0) {
      const sentence = `You do not have permissions to read from this Channel topic: ${topic}`
      throw new JoinRefused('Unauthorized', sentence)
    }
    return allowed
  }

  /** Asked at the first message that the client sends, and kept until its token changes. */
  async function mayWrite(extension: Extension): Promise<boolean> {
    if (!options.private) return true
    writable ??= await authoriser.writable(topic, { caller: bearer.caller, headers }, ['broadcast', 'presence'])
    return writable.has(extension)
  }

  function scheduleCheck(): void {
    clearTimeout(timer)
    if (bearer.expiresAt === undefined) return
    timer = setTimeout(tokenDue, Math.min(confirmEvery, Math.max(0, bearer.expiresAt * 1000 - Date.now())))
    timer.unref()
  }

  async function broadcast(payload: unknown): Promise<Reply | undefined> {
    if (!(await mayWrite('broadcast'))) return undefined // the platform says nothing either
    if (weigh(payload) > maximumBytes)
      return options.acknowledge ? { status: 'error', response: { reason: 'payload_size_exceeded' } } : undefined
    rooms.broadcast(room, payload, options.self ? undefined : member)
    return options.acknowledge ? { status: 'ok', response: {} } : undefined
  }

  async function handlePresence(payload: unknown): Promise<Reply> {
    const { event, payload: state = {} } = record(payload)
    switch (typeof event === 'string' ? event.toLowerCase() : '') {
      case 'track':
        if (record(state) !== state)
          return { status: 'error', response: { reason: 'Presence track payload must be a map' } }
        if (!(await mayWrite('presence'))) return { status: 'error', response: {} }
        presence = true
        rooms.track(room, member, options.presence.key, state)
        return { status: 'ok', response: {} }
      case 'untrack':
        rooms.untrack(room, member)
        return { status: 'ok', response: {} }
      default:
        return { status: 'error', response: {} }
    }
  }

  async function replaceToken(next: unknown): Promise<void> {
    if (typeof next !== 'string' || next.startsWith('sb_') || next === token) return
    const before = readable
    token = next
    writable = undefined
    bearer = await identifyToken(token, keyHolder, issuer)
    readable = await mayRead(bearer)
    if ([...before].some((extension) => !readable.has(extension))) {
      const sentence = `You no longer have permission to read from this Channel topic: ${topic}`
      throw new JoinRefused('Unauthorized', sentence)
    }
    scheduleCheck()
  }

  return {
    open() {
      rooms.join(room, member)
      scheduleCheck()
      if (member.receivesPresence) push('presence_state', rooms.presences(room))
      if (options.replicationReady) {
        const message = 'Replication connection established'
        push('system', { extension: 'system', status: 'ok', message, channel: topic })
      }
    },
    async handle({ event, payload }) {
      switch (event) {
        case 'broadcast':
          return broadcast(payload)
        case 'presence':
          return handlePresence(payload)
        case 'access_token':
          await replaceToken(record(payload)['access_token'])
          return undefined
        default:
          return undefined
      }
    },
    async checkToken() {
      await identifyToken(token, keyHolder, issuer)
      scheduleCheck()
    },
    leave() {
      clearTimeout(timer)
      rooms.leave(room, member)
    },
  }
}

function weigh(payload: unknown): number {
  return payload instanceof UserBroadcast ? payload.body.length : Buffer.byteLength(JSON.stringify(payload))
}
