import type { Caller } from '../caller.ts'
import type { Authoriser } from './create-authoriser.ts'
import { UserBroadcast } from './frame.ts'
import { record } from './join-options.ts'
import { roomName, type Rooms } from './rooms.ts'

interface HttpBroadcast {
  topic: string
  event: string
  payload: unknown
  private: boolean
}

/**
 * Sending over HTTP, as supabase-js does outside a joined channel: `POST api/broadcast` with `{messages: [{topic, event, payload,
 * private}]}`, or `POST api/broadcast/<topic>/events/<event>` with the payload as body. 202 without body; what the caller may not
 * send is dropped in silence, as on the platform. 422 for a body that is not understood, 404 for any other path.
 */
export async function answerBroadcast(
  request: Request,
  path: string,
  caller: Caller,
  { authoriser, rooms }: { authoriser: Authoriser; rooms: Rooms },
): Promise<Response> {
  const single = /^api\/broadcast\/([^/]+)\/events\/([^/]+)$/.exec(path)
  if (request.method !== 'POST' || (path !== 'api/broadcast' && !single))
    return Response.json({ error: 'Not found' }, { status: 404 })
  const headers = Object.fromEntries([...request.headers].filter(([name]) => name.startsWith('x-')))
  const messages = single
    ? await readSingle(request, decode(single[1]), decode(single[2]))
    : readBatch(await request.json().catch(() => undefined))
  if (!messages) return Response.json({ errors: { messages: ['is invalid'] } }, { status: 422 })

  for (const { topic, event, payload, private: isPrivate } of messages) {
    if (isPrivate && !(await authoriser.writable(topic, { caller, headers }, ['broadcast'])).has('broadcast')) continue
    const room = roomName(topic, isPrivate)
    rooms.broadcast(room, payload instanceof UserBroadcast ? payload : { type: 'broadcast', event, payload })
  }
  return new Response(null, { status: 202 })
}

async function readSingle(request: Request, topic: string, event: string): Promise<HttpBroadcast[] | undefined> {
  const isPrivate = new URL(request.url).searchParams.get('private') === 'true'
  const body = Buffer.from(await request.arrayBuffer())
  if (request.headers.get('content-type') === 'application/octet-stream')
    return [{ topic, event, payload: new UserBroadcast(event, 'binary', body), private: isPrivate }]
  try {
    JSON.parse(body.toString())
  } catch {
    return undefined
  }
  return [{ topic, event, payload: new UserBroadcast(event, 'json', body), private: isPrivate }]
}

function readBatch(body: unknown): HttpBroadcast[] | undefined {
  const { messages } = record(body)
  if (!Array.isArray(messages)) return undefined
  const read: HttpBroadcast[] = []
  for (const message of messages) {
    const { topic, event, payload, private: isPrivate } = record(message)
    if (typeof topic !== 'string' || typeof event !== 'string' || record(payload) !== payload) return undefined
    read.push({ topic, event, payload, private: isPrivate === true })
  }
  return read
}

/** A part of a path; what is no valid escape stays as it is. */
function decode(part = ''): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
