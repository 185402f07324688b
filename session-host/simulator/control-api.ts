import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { streamSSE } from 'hono/streaming'
import { z } from 'zod'
import { setCamera } from './camera.ts'
import { ControlError } from './control-error.ts'
import {
  codeBody,
  contactBody,
  eventsQuery,
  imageBody,
  messagesQuery,
  phoneBody,
  readBody,
  sayBody,
  scanBody,
} from './control-schemas.ts'
import { addContentRoutes } from './control-content.ts'
import { addLoadRoutes } from './control-load.ts'
import { addHistoryRoutes, addMediaRoutes } from './control-history.ts'
import { json, phone, reachablePhone } from './control-request.ts'
import { addScriptRoutes } from './control-script.ts'
import { addSettingRoutes } from './control-settings.ts'
import { addTriggerRoutes } from './control-trigger.ts'
import { addTroubleRoutes } from './control-trouble.ts'
import { addDefaultChats, addHistory } from './default-chats.ts'
import type { SimulatorEvent } from './events.ts'
import { jidOf, parseJid } from './jid.ts'
import { linkByCode } from './link-by-code.ts'
import { linkByQr } from './link-by-qr.ts'
import { addContact, createPerson } from './person.ts'
import { read, readGroup, say } from './phone.ts'
import { textContent } from './phone-record.ts'
import { groupByJid, memberOf } from './group.ts'
import { sayInGroup } from './group-messages.ts'
import { addMediaMessageRoutes } from './control-media.ts'
import { addGroupRoutes } from './control-groups.ts'
import { addPersonRoutes } from './control-person.ts'
import { pictureType } from './picture.ts'
import { contactView, messageView, phoneView } from './phone-view.ts'
import { readDataUrl, readQrImage } from './qr-image.ts'
import type { WhatsAppServer } from './server.ts'
import type { Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** The simulator's HTTP interface for tests, tools and the phone page; the README is its reference. */
export function createControlApi(world: World, server: WhatsAppServer): Hono {
  const app = new Hono()
  addMediaRoutes(app, world)
  app.use(loopbackOnly)
  app.use(
    cors({ origin: (origin) => (isLoopback(origin) ? origin : null), allowHeaders: ['Content-Type', 'Last-Event-ID'] }),
  )
  app.use(bodyLimit({ maxSize: 2 * 1024 * 1024, onError: tooLarge }))
  app.onError((error, c) => {
    if (error instanceof ControlError) return problem(c, error.status, error.code, error.message)
    if (error instanceof z.ZodError) return problem(c, 400, 'invalid_request', z.prettifyError(error))
    if (error instanceof SyntaxError) return problem(c, 400, 'invalid_request', 'The body is not JSON.')
    world.report(error)
    return problem(c, 500, 'internal', 'The simulator failed; see its standard error.')
  })
  app.notFound((c) => problem(c, 404, 'not_found', `There is no ${c.req.method} ${c.req.path}.`))

  app.get('/health', (c) => c.json({ ok: true }))
  app.get('/state', (c) =>
    c.json({
      people: world.state.people.map((person) => phoneView(world, person)),
      connections: world.connections.size,
      unhandled: world.unhandled,
      counters: world.counters,
    }),
  )
  app.get('/unhandled', (c) => c.json({ unhandled: world.unhandled }))
  app.delete('/unhandled', (c) => {
    world.unhandled.length = 0
    return c.json({ unhandled: [] })
  })
  app.get('/events', (c) => {
    const { after } = eventsQuery.parse({ after: c.req.header('last-event-id') ?? c.req.query('after') })
    return streamSSE(c, async (stream) => {
      const send = (event: SimulatorEvent): void => {
        void stream.writeSSE({ id: String(event.id), data: JSON.stringify(event) }).catch(() => stream.abort())
      }
      const stop = world.events.subscribe(after, send)
      await stream.write(': ready\n\n')
      await new Promise<void>((resolve) => stream.onAbort(resolve))
      stop()
    })
  })
  addPhoneRoutes(app, world, server)
  addTroubleRoutes(app, world)
  addGroupRoutes(app, world)
  addPersonRoutes(app, world)
  addContentRoutes(app, world)
  addSettingRoutes(app, world)
  addHistoryRoutes(app, world)
  addLoadRoutes(app, world)
  addMediaMessageRoutes(app, world)
  addScriptRoutes(app, world)
  addTriggerRoutes(app, world)
  return app
}

function addPhoneRoutes(app: Hono, world: World, server: WhatsAppServer): void {
  app.get('/phones', (c) => c.json({ phones: world.state.people.map((person) => phoneView(world, person)) }))
  app.post('/phones', async (c) => {
    const body = phoneBody.parse(await json(c))
    const existing = body.number === undefined ? undefined : findPerson(world, body.number)
    if (existing) return c.json(phoneView(world, existing), 200)
    return c.json(phoneView(world, newPhone(world, body)), 201)
  })
  app.get('/phones/:number', (c) => c.json(phoneView(world, phone(world, c))))
  app.post('/phones/:number/contacts', async (c) => {
    const { push_name: pushName, lid, saved, ...body } = contactBody.parse(await json(c))
    const wanted = { ...body, number: body.number.replace('+', ''), ...(pushName && { pushName }), ...(lid && { lid }) }
    const contact = addContact(world, phone(world, c), { ...wanted, ...(saved !== undefined && { saved }) })
    return c.json(contactView(world, contact), 201)
  })
  app.post('/phones/:number/scan', async (c) => {
    const person = reachablePhone(world, c)
    const device = await linkByQr(world, person, await qrText(world, c), server.candidates)
    return c.json({ device: device.id, jid: jidOf(person, 'pn', device.id), lid: jidOf(person, 'lid', device.id) })
  })
  app.post('/phones/:number/link_code', async (c) => {
    const person = reachablePhone(world, c)
    const { code } = codeBody.parse(await json(c))
    const device = await linkByCode(world, person, code, server.candidates)
    return c.json({ device: device.id, jid: jidOf(person, 'pn', device.id), lid: jidOf(person, 'lid', device.id) })
  })
  app.post('/phones/:number/say', async (c) => {
    const person = reachablePhone(world, c)
    const { to, text, as, id, at } = sayBody.parse(await json(c))
    const common = { ...(id && { id }), ...(at !== undefined && { at }) }
    const group = groupByJid(world, to)
    if (group && !memberOf(group, person))
      throw new ControlError(409, 'not_a_member', 'This person is not in the group.')
    if (group) return c.json(await sayInGroup(world, person, group, { content: textContent(text), ...common }))
    const recipient = findPerson(world, to)
    if (!recipient) throw new ControlError(404, 'unknown_recipient', 'Nobody has this number or JID.')
    const addressed = as ?? (to.includes('@') ? parseJid(to)?.addressed : undefined) ?? 'lid'
    return c.json(await say(world, person, { to: recipient, content: textContent(text), addressed, ...common }))
  })
  app.post('/phones/:number/read', async (c) => {
    const body = readBody.parse(await json(c))
    const group = groupByJid(world, body.with)
    if (group) return c.json({ read: readGroup(world, reachablePhone(world, c), group, body.id) })
    const other = findPerson(world, body.with)
    if (!other) throw new ControlError(404, 'unknown_recipient', 'Nobody has this number or JID.')
    return c.json({ read: read(world, reachablePhone(world, c), other, body.id) })
  })
  app.get('/phones/:number/messages', (c) => {
    const person = phone(world, c)
    const query = messagesQuery.parse(c.req.query())
    const other = query.with === undefined ? undefined : (findPerson(world, query.with)?.number ?? query.with)
    const messages = person.chats
      .filter((chat) => other === undefined || chat.with === other)
      .flatMap((chat) => chat.messages.map((message) => messageView(person, chat.with, message)))
      .filter((message) => message.n > query.after)
      .toSorted((one, another) => one.n - another.n)
    return c.json({ messages })
  })
  app.put('/camera', async (c) => {
    const png = isImage(c) ? Buffer.from(await c.req.arrayBuffer()) : readDataUrl(imageBody.parse(await json(c)).image)
    return c.json({ at: setCamera(world, png).at })
  })
  app.get('/camera', (c) => {
    if (!world.camera) return problem(c, 404, 'nothing_in_view', 'Nothing is in front of the camera.')
    const { png, at } = world.camera
    return c.json({ image: `data:image/png;base64,${png.toString('base64')}`, at })
  })
  app.delete('/camera', (c) => {
    setCamera(world, undefined)
    return c.json({ ok: true })
  })
  app.get('/pictures/:number', (c) => {
    const picture = findPerson(world, c.req.param('number'))?.picture
    return picture
      ? c.body(new Uint8Array(picture), 200, { 'Content-Type': pictureType(picture) })
      : problem(c, 404, 'not_found', 'No picture.')
  })
}

function newPhone(world: World, body: z.output<typeof phoneBody>): Person {
  const { number, name, lid } = body
  const person = createPerson(world, {
    ...(number && { number: number.replace('+', '') }),
    ...(name && { name }),
    ...(lid && { lid }),
  })
  for (const { push_name: pushName, lid: otherLid, saved, ...contact } of body.contacts ?? []) {
    const wanted = {
      ...contact,
      number: contact.number.replace('+', ''),
      ...(pushName && { pushName }),
      ...(otherLid && { lid: otherLid }),
    }
    addContact(world, person, { ...wanted, ...(saved !== undefined && { saved }) })
  }
  for (const chat of body.history ?? []) {
    const other = findPerson(world, chat.with) ?? createPerson(world, { number: chat.with.replace('+', '') })
    addHistory(world, person, { ...chat, with: other.number })
  }
  if (body.generate) {
    const { on_demand: onDemand, ...rest } = body.generate
    person.generated = { ...rest, onDemand }
    world.changed()
  }
  if (!body.contacts && !body.history && !body.generate) addDefaultChats(world, person)
  return person
}

async function qrText(world: World, c: Context): Promise<string> {
  if (isImage(c)) return readQrImage(Buffer.from(await c.req.arrayBuffer()))
  if (!c.req.header('content-type')?.includes('json')) return c.req.text()
  const body = scanBody.parse(await json(c))
  if ('qr' in body) return body.qr
  if ('image' in body) return readQrImage(readDataUrl(body.image))
  if (!world.camera) throw new ControlError(409, 'nothing_in_view', 'Nothing is in front of the camera.')
  return readQrImage(world.camera.png)
}

/** Reads the body to its end, if that is not too much, because a client that is still sending does not see the answer. */
async function tooLarge(c: Context): Promise<Response> {
  const rest = Number(c.req.header('content-length') ?? Infinity) < 64 * 1024 * 1024 ? c.req.raw.body : null
  await rest?.pipeTo(new WritableStream())
  return problem(c, 413, 'too_large', 'A body may have 2 MB.')
}

function isImage(c: Context): boolean {
  return c.req.header('content-type')?.startsWith('image/') ?? false
}

/** A page elsewhere in the browser must not reach in: neither by its own origin nor by a host name that points here. */
async function loopbackOnly(c: Context, next: () => Promise<void>): Promise<Response | undefined> {
  const origin = c.req.header('origin')
  const host = c.req.header('host') ?? ''
  if ((origin !== undefined && !isLoopback(origin)) || !isLoopback(`http://${host}`)) {
    return problem(c, 403, 'origin_not_allowed', 'Only pages and tools of this machine may use the simulator.')
  }
  await next()
  return undefined
}

function isLoopback(origin: string): boolean {
  try {
    const { hostname } = new URL(origin)
    return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
  } catch {
    return false
  }
}

function problem(c: Context, status: ControlError['status'] | 500, code: string, message: string): Response {
  return c.json({ error: { code, message } }, status)
}
