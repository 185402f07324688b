import type { WebSocket } from 'ws'
import type { Caller } from '../caller.ts'
import { decodeFrame, encodeFrame, type Frame } from './frame.ts'
import { type Channel, type ChannelParts, joinChannel } from './join-channel.ts'
import { readJoinOptions } from './join-options.ts'
import { JoinRefused } from './join-refused.ts'

export interface ConnectionParts extends ChannelParts {
  /** Takes what goes wrong inside. */
  log: (line: string) => void
}

/** The platform's limit of channels per connection. */
const maximumChannels = 100
/** A connection that says nothing for so long is closed, in ms; clients send a heartbeat every 25 s. */
const silenceLimit = 60_000
/** A client that lets this many bytes pile up does not read any more. */
const maximumBacklog = 16_000_000

/** Speaks Phoenix channels 2.0.0 with one client until it goes: joins, leaves, heartbeats and what its channels say. */
export function serveConnection(
  socket: WebSocket,
  keyHolder: Caller,
  headers: Record<string, string>,
  parts: ConnectionParts,
): void {
  const channels = new Map<string, { channel: Channel; joinRef: string | null }>()
  const silence = setTimeout(() => socket.close(1000, 'no heartbeat'), silenceLimit)
  silence.unref()
  let last = Promise.resolve()

  socket.on('message', (data: Buffer, isBinary) => {
    silence.refresh()
    let frame: Frame
    try {
      frame = decodeFrame(data, isBinary)
    } catch (error) {
      socket.close(1007, (error as Error).message)
      return
    }
    if (frame.topic !== 'phoenix') inTurn(() => handle(frame))
    else if (frame.event === 'heartbeat') reply(frame, 'ok', {})
  })
  socket.on('error', () => {}) // 'close' follows
  socket.on('close', () => {
    clearTimeout(silence)
    inTurn(async () => {
      for (const { channel } of channels.values()) channel.leave()
      channels.clear()
    })
  })

  function inTurn(work: () => Promise<void>): void {
    last = last.then(work).catch((error: unknown) => {
      parts.log(`realtime: ${(error as Error).message}`)
      socket.close(1011, 'internal error')
    })
  }

  function send(data: string | Buffer): void {
    if (socket.readyState !== socket.OPEN) return
    if (socket.bufferedAmount > maximumBacklog) socket.terminate()
    else socket.send(data)
  }

  function push(
    topic: string,
    joinRef: string | null,
    event: string,
    payload: unknown,
    ref: string | null = null,
  ): void {
    send(encodeFrame({ joinRef, ref, topic, event, payload }))
  }

  function reply({ joinRef, ref, topic }: Frame, status: 'ok' | 'error', response: object): void {
    if (ref !== null) push(topic, joinRef, 'phx_reply', { status, response }, ref)
  }

  async function handle(frame: Frame): Promise<void> {
    if (socket.readyState !== socket.OPEN) return
    if (frame.event === 'phx_join') return join(frame)
    const found = channels.get(frame.topic)
    if (frame.event === 'phx_leave') {
      if (found && found.joinRef !== frame.joinRef) return // of a join that another one has replaced
      reply(frame, 'ok', {})
      if (found) close(frame.topic)
      return
    }
    if (!found) return reply(frame, 'error', { reason: 'unmatched topic' })
    await orEnd(frame.topic, async () => {
      const answer = await found.channel.handle(frame)
      if (answer) reply(frame, answer.status, answer.response)
    })
  }

  async function join(frame: Frame): Promise<void> {
    const { topic, joinRef } = frame
    if (!topic.startsWith('realtime:')) return reply(frame, 'error', { reason: 'unmatched topic' })
    if (channels.has(topic)) close(topic)
    try {
      if (topic === 'realtime:') throw new JoinRefused('TopicNameRequired', 'You must provide a topic name')
      if (channels.size >= maximumChannels) throw new JoinRefused('ChannelRateLimitReached', 'Too many channels')
      const request = {
        topic: topic.slice('realtime:'.length),
        options: readJoinOptions(frame.payload),
        keyHolder,
        headers,
        send,
        push: (event: string, payload: unknown) => push(topic, joinRef, event, payload),
        tokenDue: () =>
          inTurn(async () => {
            if (channels.get(topic)?.channel === channel) await orEnd(topic, () => channel.checkToken())
          }),
      }
      const channel = await joinChannel(request, parts)
      channels.set(topic, { channel, joinRef })
      reply(frame, 'ok', { postgres_changes: [] })
      channel.open()
    } catch (error) {
      if (error instanceof JoinRefused) return reply(frame, 'error', { reason: error.reason })
      parts.log(`realtime: a join failed: ${(error as Error).message}`)
      reply(frame, 'error', { reason: 'Unknown Error on Channel' })
    }
  }

  /** Runs what may end a channel: its client is told why, and that it is closed. */
  async function orEnd(topic: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof JoinRefused)) parts.log(`realtime: a channel failed: ${(error as Error).message}`)
      const message =
        error instanceof JoinRefused ? error.message : 'Realtime was unable to connect to the project database'
      const system = { extension: 'system', status: 'error', message, channel: topic.slice('realtime:'.length) }
      push(topic, channels.get(topic)?.joinRef ?? null, 'system', system)
      close(topic)
    }
  }

  function close(topic: string): void {
    const found = channels.get(topic)
    if (!found) return
    channels.delete(topic)
    found.channel.leave()
    push(topic, found.joinRef, 'phx_close', {}, found.joinRef)
  }
}
