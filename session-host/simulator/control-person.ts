import type { Hono } from 'hono'
import { z } from 'zod'
import { setBlocked } from './block.ts'
import { ControlError } from './control-error.ts'
import { groupByJid } from './group.ts'
import { deliver } from './control-content.ts'
import { json, personNamed, phone, reachablePhone } from './control-request.ts'
import { changeNumber, recycleNumber } from './identity-change.ts'
import { FORGERIES, forge } from './forge.ts'
import { jidOf, parseJid } from './jid.ts'
import { play } from './phone.ts'
import { editContent, revokeContent } from './phone-record.ts'
import { phoneView } from './phone-view.ts'
import { setPicture } from './picture.ts'
import { showPresence, showTyping } from './presence.ts'
import type { World } from './world.ts'

/** What a person does on the phone besides writing, and what becomes of the number. */
export function addPersonRoutes(app: Hono, world: World): void {
  app.post('/phones/:number/played', async (c) => {
    const body = playedBody.parse(await json(c))
    const played = play(world, reachablePhone(world, c), personNamed(world, body.with), body.id)
    if (!played) throw new ControlError(404, 'unknown_message', 'The phone has no such message from there.')
    return c.json({ played: [body.id] })
  })
  app.post('/phones/:number/privacy', async (c) => {
    const { name, value } = privacyBody.parse(await json(c))
    const person = phone(world, c)
    person.privacy[name] = value
    world.changed()
    return c.json({ privacy: person.privacy })
  })
  app.post('/phones/:number/presence', async (c) => {
    const { type, last } = presenceBody.parse(await json(c))
    showPresence(world, reachablePhone(world, c), type, last)
    return c.json({ type })
  })
  app.post('/phones/:number/typing', async (c) => {
    const { to, state, as } = typingBody.parse(await json(c))
    const addressed = as ?? parseJid(to)?.addressed ?? 'lid'
    showTyping(world, reachablePhone(world, c), personNamed(world, to), addressed, state)
    return c.json({ state })
  })
  app.put('/phones/:number/picture', async (c) => {
    const picture = Buffer.from(await c.req.arrayBuffer())
    if (picture.length === 0) throw new ControlError(400, 'invalid_request', 'The body is to be an image.')
    setPicture(world, phone(world, c), picture)
    return c.json({ bytes: picture.length })
  })
  app.delete('/phones/:number/picture', (c) => {
    setPicture(world, phone(world, c), undefined)
    return c.json({ bytes: 0 })
  })
  app.post('/phones/:number/block', async (c) => {
    const { with: other, on, as } = blockBody.parse(await json(c))
    const person = phone(world, c)
    setBlocked(world, person, jidOf(personNamed(world, other), as), on)
    return c.json({ blocked: person.blocked })
  })
  app.post('/phones/:number/change_number', async (c) => {
    const person = phone(world, c)
    changeNumber(world, person, numberBody.parse(await json(c)).number.replace('+', ''))
    return c.json(phoneView(world, person))
  })
  app.post('/phones/:number/recycle', async (c) => {
    const { name, lid } = recycleBody.parse(await json(c))
    const before = phone(world, c)
    const after = recycleNumber(world, before, { ...(name && { name }), ...(lid && { lid }) })
    return c.json({ before: phoneView(world, before), after: phoneView(world, after) }, 201)
  })
  app.post('/phones/:number/hide_number', async (c) => {
    const person = phone(world, c)
    person.numberHidden = z.strictObject({ on: z.boolean() }).parse(await json(c)).on
    world.changed()
    return c.json({ hidden: person.numberHidden })
  })
  app.post('/phones/:number/edit', async (c) => {
    const { to, id, text } = editBody.parse(await json(c))
    const content = editContent(id, text)
    return c.json(await deliver(world, reachablePhone(world, c), { to, content }))
  })
  app.post('/phones/:number/revoke', async (c) => {
    const { to, id } = revokeBody.parse(await json(c))
    const content = revokeContent(id)
    return c.json(await deliver(world, reachablePhone(world, c), { to, content }))
  })
  app.post('/phones/:number/forge', async (c) => {
    const { to, as, from_me: fromMe, group: inGroup, ...rest } = forgeBody.parse(await json(c))
    const group = inGroup === undefined ? undefined : groupByJid(world, inGroup)
    if (inGroup !== undefined && !group) throw new ControlError(404, 'unknown_group', 'There is no such group.')
    const request = { ...rest, to: personNamed(world, to), addressed: as, fromMe, group }
    return c.json(await forge(world, reachablePhone(world, c), request))
  })
  app.post('/phones/:number/name', async (c) => {
    const person = phone(world, c)
    person.name = z.strictObject({ name: z.string().min(1).max(100) }).parse(await json(c)).name
    world.changed()
    return c.json(phoneView(world, person))
  })
}

const form = z.enum(['lid', 'pn'])
const revokeBody = z.strictObject({ to: z.string(), id: z.string().min(1).max(64) })
const editBody = revokeBody.extend({ text: z.string().min(1).max(65_536) })
const forgeBody = z.strictObject({
  kind: z.enum(FORGERIES),
  to: z.string(),
  as: form.default('lid'),
  id: z.string().min(1).max(64).optional(),
  from_me: z.boolean().optional(),
  chat: z.string().min(3).max(100).optional(),
  group: z.string().min(3).max(100).optional(),
  text: z.string().min(1).max(65_536).optional(),
})
const playedBody = z.strictObject({ with: z.string(), id: z.string() })
const presenceBody = z.strictObject({
  type: z.enum(['available', 'unavailable']),
  last: z.number().int().min(0).optional(),
})
const typingBody = z.strictObject({
  to: z.string(),
  state: z.enum(['composing', 'recording', 'paused']),
  as: form.optional(),
})
const blockBody = z.strictObject({ with: z.string(), on: z.boolean(), as: form.default('lid') })
const numberBody = z.strictObject({ number: z.string().regex(/^\+?[1-9]\d{6,14}$/, 'E.164 digits') })
const recycleBody = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  lid: z
    .string()
    .regex(/^[1-9]\d{5,19}$/, 'digits')
    .optional(),
})

const privacyBody = z.strictObject({
  name: z.enum(['readreceipts', 'groupadd', 'last', 'online', 'profile', 'status']),
  value: z.enum(['all', 'contacts', 'contact_blacklist', 'none', 'match_last_seen']),
})
