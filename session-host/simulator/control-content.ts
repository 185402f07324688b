import { proto } from '@whiskeysockets/baileys/WAProto/index.js'
import type { Hono } from 'hono'
import { z } from 'zod'
import { hangUp, offerCall } from './call.ts'
import { ControlError } from './control-error.ts'
import { json, personNamed, phone, reachablePhone } from './control-request.ts'
import { groupByJid, groupJid, memberOf } from './group.ts'
import { sayInGroup } from './group-messages.ts'
import { jidOf } from './jid.ts'
import { jidsOf, pollContent, pollOptions, reactionContent, voteContent } from './message-content.ts'
import { say } from './phone.ts'
import { chatWith, messageIn } from './phone-record.ts'
import type { Person, PhoneMessage } from './state.ts'
import { findPerson, type World } from './world.ts'

/** Everything a phone sends that is neither plain text nor a file, and calls. */
export function addContentRoutes(app: Hono, world: World): void {
  app.post('/phones/:number/send', async (c) => {
    const { message, ...common } = sendBody.parse(await json(c))
    return c.json(await deliver(world, reachablePhone(world, c), { ...common, content: encode(message) }))
  })
  app.post('/phones/:number/react', async (c) => {
    const { to, id, emoji, as } = reactBody.parse(await json(c))
    const person = reachablePhone(world, c)
    const found = messageOf(world, person, to, id)
    const content = reactionContent(keyOf(world, person, to, found), emoji, Date.now())
    return c.json(await deliver(world, person, { to, content, as }))
  })
  app.post('/phones/:number/poll', async (c) => {
    const { to, name, options, selectable, as } = pollBody.parse(await json(c))
    const content = pollContent(world, { name, options, selectable })
    return c.json(await deliver(world, reachablePhone(world, c), { to, content, as }))
  })
  app.post('/phones/:number/vote', async (c) => {
    const { to, id, options, as } = voteBody.parse(await json(c))
    const person = reachablePhone(world, c)
    const found = messageOf(world, person, to, id)
    if (!pollOptions(found.content)) throw new ControlError(409, 'not_a_poll', 'That message is no poll.')
    const creator = found.fromMe ? person : personNamed(world, found.author ?? to)
    const group = groupByJid(world, to)
    const [creatorJid, voterJid] = [jidsOf(creator, group)[0] ?? '', jidsOf(person, group)[0] ?? '']
    const poll = { key: keyOf(world, person, to, found), content: found.content, creator: creatorJid, voter: voterJid }
    const content = voteContent(world, poll, options, Date.now())
    return c.json(await deliver(world, person, { to, content, as }))
  })
  app.post('/phones/:number/timer', async (c) => {
    const { to, seconds: timer, as } = timerBody.parse(await json(c))
    const { EPHEMERAL_SETTING } = proto.Message.ProtocolMessage.Type
    const protocolMessage = { type: EPHEMERAL_SETTING, ephemeralExpiration: timer }
    const content = Buffer.from(proto.Message.encode({ protocolMessage }).finish())
    return c.json(await deliver(world, reachablePhone(world, c), { to, content, as }))
  })
  app.get('/phones/:number/messages/:id/content', (c) => {
    const messages = phone(world, c).chats.flatMap((chat) => chat.messages)
    const message = messages.find((each) => each.id === c.req.param('id'))
    if (!message) throw new ControlError(404, 'unknown_message', 'The phone has no such message.')
    return c.json(contentView(message))
  })
  app.post('/phones/:number/call', async (c) => {
    const { to, video, id, as } = callBody.parse(await json(c))
    return c.json(offerCall(world, reachablePhone(world, c), personNamed(world, to), { video, addressed: as, id }))
  })
  app.post('/phones/:number/hang_up', async (c) => {
    const { to, id, reason, as } = hangUpBody.parse(await json(c))
    hangUp(world, reachablePhone(world, c), personNamed(world, to), { id, reason, addressed: as })
    return c.json({ id })
  })
}

/** Sends something to a person or a group, whichever `to` names. */
export function deliver(
  world: World,
  person: Person,
  message: {
    to: string
    content: Buffer
    as?: 'lid' | 'pn' | undefined
    id?: string | undefined
    at?: number | undefined
  },
): Promise<{ id: string; at: number }> {
  const { to, content, as, id, at } = message
  const common = { content, ...(id !== undefined && { id }), ...(at !== undefined && { at }) }
  const group = groupByJid(world, to)
  if (group && !memberOf(group, person)) throw new ControlError(409, 'not_a_member', 'This person is not in the group.')
  if (group) return sayInGroup(world, person, group, common)
  const recipient = findPerson(world, to)
  if (!recipient) throw new ControlError(404, 'unknown_recipient', 'Nobody has this number or JID.')
  return say(world, person, { ...common, to: recipient, addressed: as ?? 'lid' })
}

function messageOf(world: World, person: Person, to: string, id: string): PhoneMessage {
  const group = groupByJid(world, to)
  const chat = chatWith(person, group ? groupJid(group) : personNamed(world, to).number)
  const found = messageIn(chat, id, false) ?? messageIn(chat, id, true)
  if (!found) throw new ControlError(404, 'unknown_message', 'The phone has no such message there.')
  return found
}

/** The key of a message as this phone names it to others. */
function keyOf(world: World, person: Person, to: string, message: PhoneMessage): proto.IMessageKey {
  const group = groupByJid(world, to)
  const author = message.author === undefined ? person : personNamed(world, message.author)
  const remoteJid = group ? groupJid(group) : jidOf(personNamed(world, to), message.addressed)
  return {
    remoteJid,
    fromMe: message.fromMe,
    id: message.id,
    ...(group && { participant: jidOf(author, group.addressed) }),
  }
}

function encode(message: Record<string, unknown>): Buffer {
  return Buffer.from(proto.Message.encode(proto.Message.fromObject(message)).finish())
}

function contentView({ content }: PhoneMessage) {
  return proto.Message.toObject(proto.Message.decode(content), { bytes: String, longs: Number, enums: String })
}

const as = z.enum(['lid', 'pn']).optional()
const to = z.string().min(3).max(100)
const id = z.string().min(1).max(64)
const sendBody = z.strictObject({
  to,
  as,
  id: id.optional(),
  at: z.number().int().min(1).optional(),
  /** WAProto's `Message` as JSON; bytes in base64. */
  message: z.record(z.string(), z.unknown()),
})
const reactBody = z.strictObject({ to, as, id, emoji: z.string().max(64) })
const pollBody = z.strictObject({
  to,
  as,
  name: z.string().max(1000),
  options: z.array(z.string().max(1000)).min(1).max(20),
  selectable: z.number().int().min(0).max(20).default(0),
})
const voteBody = z.strictObject({ to, as, id, options: z.array(z.string()).max(20) })
const timerBody = z.strictObject({ to, as, seconds: z.number().int().min(0).max(10_000_000) })
const callBody = z.strictObject({ to, as, id: id.optional(), video: z.boolean().default(false) })
const hangUpBody = z.strictObject({ to, as, id, reason: z.enum(['timeout', 'terminate', 'accept']).default('timeout') })
