import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { actions, type ActionName } from '#shared/actions.ts'
import { sampleFile } from '../simulator/sample-media.ts'
import { followSimulator } from './crash/simulator-events.ts'
import { ana, bea, jidOf, startGateway, type Gateway, type Member } from './start-gateway.ts'

// Long, because it is only how long a failing test waits on a busy machine.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const conversationId = jidOf(bea)
let gateway: Gateway
let member: Member
let group: string

beforeAll(async () => {
  gateway = await startGateway({ receiptDelayMs: 0 })
  member = await gateway.createMember()
  await gateway.linkPhone(member, { ...ana, contacts: [bea] })
  const made = { by: bea.number, subject: 'Vecinos', members: [{ number: ana.number }] }
  group = (await gateway.control.post<{ jid: string }>('/groups', made)).jid
  await gateway.rest(member, 'POST', 'start_conversation', { phone: `+${bea.number}` })
})
afterAll(() => gateway[Symbol.asyncDispose]())

interface Shown {
  id: string
  text: string
  kind: string
  copies: number
  edited?: boolean
  reactions?: Record<string, string>
  votes?: Record<string, string[]>
}
interface Ids {
  id: string
  waId: string
}
/** What is there before: what changes are made to. */
interface Before {
  theirs: Ids
  theirPoll: Ids
  toEdit: Ids
  toDelete: Ids
  picture: Ids
}
interface Kind {
  /** The route it leaves by. */
  by: ActionName | 'send_message'
  body: (before: Before) => object | Promise<object>
  /** What WhatsApp's message calls it, for one that is shown by itself. */
  content?: string
  /** Where the phone shows it, if not in the chat with the account. */
  in?: () => string
  /** The message that it changes, and how that looks then. */
  changes?: { which: keyof Before; looks: (message: Shown) => boolean }
}

const vcard = (name: string): object => ({ name, phones: ['34600111222'] })
const kinds: Record<string, Kind> = {
  text: { by: 'send_message', body: () => ({ conversationId, textContent: 'hola' }), content: 'extendedTextMessage' },
  answer: {
    by: 'send_message',
    body: ({ theirs }) => ({ conversationId, textContent: 'sí', replyTo: theirs.id }),
    content: 'extendedTextMessage',
  },
  mention: {
    by: 'send_message',
    body: () => ({ conversationId, textContent: `a @${bea.number}`, mentions: [jidOf(bea)] }),
    content: 'extendedTextMessage',
  },
  location: {
    by: 'send_location',
    body: () => ({ conversationId, latitude: 1, longitude: 2, name: 'Sol' }),
    content: 'locationMessage',
  },
  contact: {
    by: 'send_contacts',
    body: () => ({ conversationId, contacts: [vcard('Uno')] }),
    content: 'contactMessage',
  },
  contacts: {
    by: 'send_contacts',
    body: () => ({ conversationId, contacts: [vcard('Uno'), vcard('Dos')] }),
    content: 'contactsArrayMessage',
  },
  poll: {
    by: 'send_poll',
    body: () => ({ conversationId, name: '¿Cuándo?', options: ['hoy', 'mañana'] }),
    content: 'pollCreationMessageV3',
  },
  forward: {
    by: 'forward_message',
    body: ({ theirs }) => ({ conversationId, messageId: theirs.id }),
    content: 'extendedTextMessage',
  },
  'forwarded file': {
    by: 'forward_message',
    body: ({ picture }) => ({ conversationId, messageId: picture.id }),
    content: 'imageMessage',
  },
  image: file('image', 'imageMessage'),
  video: file('video', 'videoMessage'),
  gif: file('gif', 'videoMessage', 'gif'),
  'video note': file('ptv', 'ptvMessage', 'video_note'),
  audio: file('audio', 'audioMessage'),
  voice: file('voice', 'audioMessage', 'voice'),
  document: file('document', 'documentMessage'),
  sticker: file('sticker', 'stickerMessage', 'sticker'),
  edit: {
    by: 'edit_message',
    body: ({ toEdit }) => ({ messageId: toEdit.id, textContent: 'corregido' }),
    changes: { which: 'toEdit', looks: ({ text, edited }) => edited === true && text === 'corregido' },
  },
  'edited caption': {
    by: 'edit_message',
    body: ({ picture }) => ({ messageId: picture.id, textContent: 'otro pie' }),
    changes: { which: 'picture', looks: ({ text, edited }) => edited === true && text === 'otro pie' },
  },
  deletion: {
    by: 'delete_message',
    body: ({ toDelete }) => ({ messageId: toDelete.id }),
    changes: { which: 'toDelete', looks: ({ kind }) => kind === 'revoked' },
  },
  reaction: {
    by: 'react',
    body: ({ theirs }) => ({ messageId: theirs.id, emoji: '👍' }),
    changes: { which: 'theirs', looks: ({ reactions }) => reactions?.[ana.number] === '👍' },
  },
  vote: {
    by: 'vote',
    body: ({ theirPoll }) => ({ messageId: theirPoll.id, options: ['allí'] }),
    changes: { which: 'theirPoll', looks: ({ votes }) => votes?.[ana.number]?.[0] === 'allí' },
  },
  // To each member with the sender's key for the group, which comes in a message of its own and is lost with the session.
  'text to a group': {
    by: 'send_message',
    body: () => ({ conversationId: group, textContent: 'vecinos' }),
    content: 'extendedTextMessage',
    in: () => group,
  },
  'disappearing timer': { by: 'set_disappearing', body: () => ({ conversationId, seconds: 86_400 }) },
}
/** These ask WhatsApp for something, or are changes of the account's own state; no device gets a message that it would have to read. */
const queries: ActionName[] = [
  'delete_for_me',
  'star_message',
  'reject_call',
  'request_history',
  'create_group',
  'update_group',
  'group_participants',
  'group_invite',
  'join_group',
  'leave_group',
]

test('there is a case for everything that leaves as a message', () => {
  const covered = new Set<string>([...Object.values(kinds).map(({ by }) => by), ...queries])
  expect(Object.keys(actions).filter((name) => !covered.has(name))).toEqual([])
})

test('after a restart every kind of message, and of change, is encrypted anew for a phone that could not read it', async () => {
  const before = await prepare()
  await airplane(true)
  const sent = new Map<string, string>()
  for (const [name, { by, body }] of Object.entries(kinds)) sent.set(name, await send(by, await body(before)))
  await gateway.control.post('/faults', { fault: 'forget_sessions', number: bea.number })
  // Another process, so to speak: nothing that the first one kept in memory is left.
  await gateway.restartHost()
  await using events = await followSimulator(gateway.simulator.url)
  await airplane(false)
  for (const [name, { content, changes, in: chat }] of Object.entries(kinds)) {
    const waId = sent.get(name) ?? ''
    await within(
      name,
      events.next((event) => event.type === 'receipt.retry' && event['message_id'] === waId),
    )
    if (changes) await within(name, shown(before[changes.which].waId, changes.looks))
    if (!content) continue
    expect([name, await within(name, shown(waId, undefined, chat?.()))]).toMatchObject([name, { copies: 1 }])
    expect(await gateway.control.get(`/phones/${bea.number}/messages/${waId}/content`)).toHaveProperty(content)
  }
  // The timer shows in what is sent from now on only if the phone took it: nothing it could not read is left.
  const unread = events.all().filter(({ type, attempt }) => type === 'receipt.retry' && Number(attempt) > 3)
  expect(unread).toEqual([])
  expect(await gateway.control.get('/unhandled')).toEqual({ unhandled: [] })
})

function file(sample: Parameters<typeof sampleFile>[0], content: string, type?: string): Kind {
  return {
    by: 'send_message',
    content,
    async body() {
      const path = await upload(sampleFile(sample).file)
      return { conversationId, textContent: '', attachments: [{ path, ...(type ? { type } : {}) }] }
    },
  }
}

/** Messages of both sides that changes can be made to, and a Signal session that is no longer new. */
async function prepare(): Promise<Before> {
  await gateway.database.until(
    `select 1 from public.groups g join public.conversations_new c on c.id = g.conversation_id
       where c.external_id = $1 and g.listed_at is not null`,
    [group],
    (rows) => rows.length > 0,
  )
  const said = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/say`, { to: ana.number, text: 'eh' })
  const poll = { to: ana.number, name: '¿Dónde?', options: ['aquí', 'allí'], selectable: 1 }
  const asked = await gateway.control.post<{ id: string }>(`/phones/${bea.number}/poll`, poll)
  const own = []
  for (const textContent of ['corregible', 'borrable']) {
    const waId = await send('send_message', { conversationId, textContent })
    await shown(waId)
    own.push(await row(waId))
  }
  const attachments = [{ path: await upload(sampleFile('image').file) }]
  const picture = await send('send_message', { conversationId, textContent: 'pie', attachments })
  await shown(picture)
  const [toEdit, toDelete] = own as [Ids, Ids]
  return {
    theirs: await row(said.id),
    theirPoll: await row(asked.id),
    toEdit,
    toDelete,
    picture: await row(picture),
  }
}

/** Resolves with WhatsApp's id when WhatsApp's server has it. */
async function send(by: string, body: object): Promise<string> {
  const answer = await gateway.rest(member, 'POST', by, body)
  if (answer.body['success'] !== true) throw new Error(`${by}: ${JSON.stringify(answer.body)}`)
  const message = (answer.body['message'] ?? (answer.body['messages'] as object[] | undefined)?.[0]) as
    | { id: string; wa_id: string }
    | undefined
  if (!message) {
    const [command] = await gateway.database.until<{ wa_id: string; status: string }>(
      `select payload ->> 'wa_id' as wa_id, status from private.session_commands order by id desc limit 1`,
      [],
      ([each]) => each?.status === 'done',
    )
    return command?.wa_id ?? ''
  }
  await gateway.database.until<{ status: string }>(
    'select status from public.messages_new where id = $1',
    [message.id],
    ([each]) => ['sent', 'delivered'].includes(each?.status ?? ''),
  )
  return message.wa_id
}

async function row(waId: string): Promise<Ids> {
  const [found] = await gateway.database.until<{ id: string }>(
    'select id from public.messages_new where wa_id = $1',
    [waId],
    (rows) => rows.length > 0,
  )
  return { id: found?.id ?? '', waId }
}

function shown(id: string, fits: (message: Shown) => boolean = () => true, chat = ana.number): Promise<Shown> {
  return gateway.control.until(async () => {
    const path = `/phones/${bea.number}/messages?with=${encodeURIComponent(chat)}`
    const { messages } = await gateway.control.get<{ messages: Shown[] }>(path)
    return messages.find((message) => message.id === id && fits(message))
  })
}

async function airplane(on: boolean): Promise<void> {
  await gateway.control.post(`/phones/${bea.number}/airplane`, { on })
}

async function upload(content: Uint8Array): Promise<string> {
  const path = `${member.id}/uploads/${randomUUID()}/archivo`
  const response = await fetch(`${gateway.environment['SUPABASE_URL']}/storage/v1/object/media/${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${member.token}`,
      apikey: gateway.environment['SUPABASE_PUBLISHABLE_KEY'] ?? '',
      'content-type': 'application/octet-stream',
    },
    body: new Blob([new Uint8Array(content)]),
  })
  if (!response.ok) throw new Error(`upload: ${response.status}`)
  return path
}

/** A sentence that says which, instead of a test that runs out of time. */
function within<T>(what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`never came: ${what}`)), 30_000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
