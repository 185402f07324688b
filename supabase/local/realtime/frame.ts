/** One message of a Phoenix channel, as `@supabase/realtime-js` speaks them: https://hexdocs.pm/phoenix/writing_a_channels_client.html */
export interface Frame {
  joinRef: string | null
  ref: string | null
  topic: string
  event: string
  /** A parsed JSON value; a `UserBroadcast` when the frame was binary. */
  payload: unknown
}

/** A broadcast whose body travels untouched: binary kind 3 from a client, kind 4 to it. */
export class UserBroadcast {
  readonly event: string
  readonly encoding: 'json' | 'binary'
  readonly body: Buffer
  /** The row in `realtime.messages` that it comes from. */
  readonly id: string | undefined

  constructor(event: string, encoding: 'json' | 'binary', body: Buffer, id?: string) {
    this.event = event
    this.encoding = encoding
    this.body = body
    this.id = id
  }
}

/** Thrown for what is no frame of protocol 2.0.0. */
export class MalformedFrame extends Error {
  readonly code = 'malformed_frame'
}

const push = 3
const broadcast = 4
const encodings = ['binary', 'json'] as const

/** Reads a WebSocket message: a JSON array in text, or a user broadcast (kind 3) in binary. Throws `MalformedFrame`. */
export function decodeFrame(data: Buffer, binary: boolean): Frame {
  return binary ? decodePush(data) : decodeText(data.toString())
}

/** `[join_ref, ref, topic, event, payload]`, or binary kind 4 for a user broadcast. Throws `MalformedFrame` when a name is too long for it. */
export function encodeFrame({ joinRef, ref, topic, event, payload }: Frame): string | Buffer {
  if (payload instanceof UserBroadcast) return encodeBroadcast(topic, payload)
  return JSON.stringify([joinRef, ref, topic, event, payload])
}

function decodeText(text: string): Frame {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    throw new MalformedFrame('The frame is not JSON.')
  }
  if (!Array.isArray(parts) || parts.length < 5) throw new MalformedFrame('The frame is no array of five.')
  const [joinRef, ref, topic, event, payload] = parts as unknown[]
  if (!isReference(joinRef) || !isReference(ref) || typeof topic !== 'string' || typeof event !== 'string')
    throw new MalformedFrame('The frame has references, topic or event of a wrong type.')
  return { joinRef: joinRef ?? null, ref: ref ?? null, topic, event, payload }
}

function isReference(value: unknown): value is string | null | undefined {
  return value === null || value === undefined || typeof value === 'string'
}

/** kind, five lengths, encoding, then join_ref, ref, topic, event, metadata (not used by the server) and the body. */
function decodePush(data: Buffer): Frame {
  const lengths = data.subarray(1, 6)
  const encoding = encodings[data[6] ?? -1]
  if (data[0] !== push || lengths.length < 5 || encoding === undefined)
    throw new MalformedFrame('The binary frame is no user broadcast.')
  let at = 7
  const [joinRef, ref, topic, event] = [...lengths].map((length) => data.toString('utf8', at, (at += length)))
  if (at > data.length || topic === undefined || event === undefined)
    throw new MalformedFrame('The binary frame is shorter than its lengths say.')
  const payload = new UserBroadcast(event, encoding, data.subarray(at))
  return { joinRef: joinRef || null, ref: ref || null, topic, event: 'broadcast', payload }
}

/** kind, three lengths, encoding, then topic, event, metadata `{"id":…}` and the body. */
function encodeBroadcast(topic: string, { event, encoding, body, id }: UserBroadcast): Buffer {
  const parts = [topic, event, id === undefined ? '' : JSON.stringify({ id })].map((part) => Buffer.from(part))
  if (parts.some((part) => part.length > 255)) throw new MalformedFrame('A topic or event is longer than 255 bytes.')
  const head = [broadcast, ...parts.map((part) => part.length), encodings.indexOf(encoding)]
  return Buffer.concat([Buffer.from(head), ...parts, body])
}
