import type { Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { phone } from './control-request.ts'
import { generatedConversations, generatedDigest, generatedMessage } from './generated-history.ts'
import type { GeneratedHistory, Person } from './state.ts'
import type { World } from './world.ts'

/** What a generated history holds, for comparing. */
export function addHistoryRoutes(app: Hono, world: World): void {
  app.get('/phones/:number/generated', (c) => {
    const plan = planOf(phone(world, c))
    return c.json({ ...plan, ...generatedDigest(plan), messages_in_all: plan.messages })
  })
  app.get('/phones/:number/generated/conversations', (c) => {
    return c.json({ conversations: generatedConversations(planOf(phone(world, c))) })
  })
  app.get('/phones/:number/generated/conversations/:index', (c) => {
    const plan = planOf(phone(world, c))
    const index = z.coerce.number().int().min(0).parse(c.req.param('index'))
    const conversation = generatedConversations(plan)[index]
    if (!conversation) throw new ControlError(404, 'unknown_conversation', 'There are not so many conversations.')
    const messages = Array.from({ length: conversation.messages }, (_, position) => {
      const { fromMe, ...message } = generatedMessage(plan, index, position)
      return { ...message, from_me: fromMe }
    })
    return c.json({ ...conversation, messages })
  })
}

/** The media host. Unlike the control API it is open to any origin: clients name WhatsApp's, and files are encrypted. */
export function addMediaRoutes(app: Hono, world: World): void {
  app.get('/v/:kind/:file', (c) => {
    const file = world.media.get(c.req.path)
    if (!file) throw new ControlError(404, 'not_found', 'There is no such file.')
    const refused = world.faults.take('refuse_downloads', '*')
    if (refused) return c.body(null, (refused.status ?? 503) as 503)
    const bytes = new Uint8Array(file)
    if (world.faults.take('damage_downloads', '*')) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    return c.body(bytes, 200, { 'Content-Type': 'application/octet-stream' })
  })
}

function planOf(person: Person): GeneratedHistory {
  if (!person.generated) throw new ControlError(404, 'not_generated', 'This phone has no generated history.')
  return person.generated
}
