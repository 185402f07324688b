import type { Hono } from 'hono'
import { z } from 'zod'
import { ControlError } from './control-error.ts'
import { json, phone } from './control-request.ts'
import type { World } from './world.ts'

/**
 * What each trigger does, as control requests. `$me` is the phone whose companions see it, `$with` a contact of it, `$text` the text; `$id` the
 * `id` of the step before that had one.
 */
const TRIGGERS: Record<string, Step[]> = {
  'message.received': [['say', '$with', { to: '$me', text: '$text' }]],
  'message.edited': [
    ['say', '$with', { to: '$me', text: '$text' }],
    ['edit', '$with', { to: '$me', id: '$id', text: '$text (2)' }],
  ],
  'message.revoked': [
    ['say', '$with', { to: '$me', text: '$text' }],
    ['revoke', '$with', { to: '$me', id: '$id' }],
  ],
  'message.undecryptable': [
    ['faults', '', { fault: 'corrupt_messages', number: '$me' }],
    ['say', '$with', { to: '$me', text: '$text' }],
  ],
  'message.duplicated': [
    ['faults', '', { fault: 'redeliver_messages', number: '$me' }],
    ['say', '$with', { to: '$me', text: '$text' }],
  ],
  'message.reordered': [
    ['faults', '', { fault: 'reorder_stanzas', number: '$me' }],
    ['say', '$with', { to: '$me', text: '$text (1)' }],
    ['say', '$with', { to: '$me', text: '$text (2)' }],
    ['faults', '', { fault: 'reorder_stanzas', number: '$me', on: false }],
  ],
  'receipt.read': [['read', '$with', { with: '$me' }]],
  'presence.composing': [['typing', '$with', { to: '$me', state: 'composing' }]],
  'chat.archived': [['settings', '$me', { action: 'archive', with: '$with' }]],
  'session.logged_out': [['unlink', '$me', {}]],
  'session.replaced': [['drop', '$me', { code: 440 }]],
  'session.restart_required': [['drop', '$me', { code: 515 }]],
  'server.unavailable': [['drop', '$me', { code: 503 }]],
  'ack.lost': [['faults', '', { fault: 'drop_at', step: 'before_ack', number: '$me' }]],
  'send.rate_limited': [['faults', '', { fault: 'refuse_messages', error: 429, number: '$me' }]],
}

/** Route under `/phones/<whose>` (or at the top when `whose` is empty), and its body. */
type Step = [route: string, whose: string, body: Record<string, string | number | boolean>]

/** `POST /trigger/:number/:name`: makes something happen to a phone's companions, by name. */
export function addTriggerRoutes(app: Hono, world: World): void {
  app.get('/trigger', (c) => c.json({ triggers: Object.keys(TRIGGERS) }))
  app.post('/trigger/:number/:name', async (c) => {
    const person = phone(world, c)
    const body = triggerBody.parse(await json(c))
    const steps = TRIGGERS[c.req.param('name')]
    if (!steps) throw new ControlError(404, 'unknown_trigger', `Known are ${Object.keys(TRIGGERS).join(', ')}.`)
    const other = body.with ?? person.contacts[0]?.number
    if (other === undefined) throw new ControlError(409, 'no_contact', 'The phone has no contact; name one in `with`.')
    const values: Record<string, string> = { $me: person.number, $with: other, $text: body.text, $id: '' }
    const done = []
    for (const [route, whose, template] of steps) {
      const path = whose === '' ? `/${route}` : `/phones/${fill(whose, values)}/${route}`
      const filled = Object.entries(template).map(([name, value]) => [
        name,
        typeof value === 'string' ? fill(value, values) : value,
      ])
      const request = Object.fromEntries(filled) as Record<string, unknown>
      const headers = { 'Content-Type': 'application/json', Host: world.host() }
      const init = { method: 'POST', headers, body: JSON.stringify(request) }
      const response = await app.request(`http://${world.host()}${path}`, init)
      const answer = (await response.json()) as { id?: string; error?: { code: string; message: string } }
      if (answer.error) throw new ControlError(409, answer.error.code, answer.error.message)
      if (answer.id !== undefined) values.$id = answer.id
      done.push({ path, body: request, answer })
    }
    return c.json({ done })
  })
}

const triggerBody = z.strictObject({ with: z.string().optional(), text: z.string().min(1).max(60_000).default('Hola') })

function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\$(me|with|text|id)/g, (name) => values[name] ?? name)
}
