import type { Hono } from 'hono'
import { z } from 'zod'
import { changeSetting, collectionOf } from './app-state.ts'
import { applyAction, mutationFor, type SettingChange } from './app-state-actions.ts'
import { ControlError } from './control-error.ts'
import { json, personNamed, reachablePhone } from './control-request.ts'
import { groupByJid, groupJid } from './group.ts'
import { identified } from './history.ts'
import { jidOf } from './jid.ts'
import type { Person } from './state.ts'
import { findPerson, type World } from './world.ts'

/** What a person sets on the phone that companions take over through app state. */
export function addSettingRoutes(app: Hono, world: World): void {
  app.post('/phones/:number/settings', async (c) => {
    const person = reachablePhone(world, c)
    const request = settingBody.parse(await json(c))
    const { with: other, as } = request
    const jid = other === undefined ? '' : chatJid(world, person, other, as)
    if (other === undefined && request.action !== 'push_name')
      throw new ControlError(400, 'invalid_request', '`with` is missing.')
    const change = complete(world, person, request, other)
    const mutation = mutationFor(change, jid)
    const apply = async (): Promise<number> => {
      const version = await changeSetting(world, person, mutation)
      applyAction(world, person, mutation.index, mutation.value)
      return version
    }
    const { collection, index } = mutation
    if (request.when === 'upload') {
      world.beforeUpload.set(person.number, apply)
      return c.json({ collection, index, version: null })
    }
    return c.json({ collection, index, version: await apply() })
  })
  app.post('/phones/:number/settings/compact', (c) => {
    const person = reachablePhone(world, c)
    for (const collection of Object.values(person.appState)) collection.patches = []
    world.changed()
    return c.json({ compacted: Object.keys(person.appState) })
  })
  app.get('/phones/:number/settings', (c) => {
    const person = reachablePhone(world, c)
    const names = Object.keys(person.appState)
    return c.json({ versions: Object.fromEntries(names.map((each) => [each, collectionOf(person, each).version])) })
  })
}

/** How the chat is called in settings: as in history, or in the form asked for. */
function chatJid(world: World, person: Person, other: string, as: 'lid' | 'pn' | undefined): string {
  const group = groupByJid(world, other)
  if (group) return groupJid(group)
  const whom = personNamed(world, other)
  return as ? jidOf(whom, as) : identified(world, person, { with: whom.number }).id
}

function complete(
  world: World,
  person: Person,
  request: z.output<typeof settingBody>,
  other: string | undefined,
): SettingChange {
  if (request.action === 'contact') {
    const whom = personNamed(world, other ?? '')
    return { ...request, ...(!whom.numberHidden && { lid: jidOf(whom, 'lid') }) }
  }
  if (request.action !== 'star' && request.action !== 'delete_for_me') return request
  const name = groupByJid(world, other ?? '') ? (other ?? '') : personNamed(world, other ?? '').number
  const group = groupByJid(world, name)
  const chat = person.chats.find((each) => each.with === (group ? groupJid(group) : name))
  const message = chat?.messages.find((each) => each.id === request.id)
  if (!message) throw new ControlError(404, 'unknown_message', 'The phone has no such message in this chat.')
  const author = group && message.author !== undefined ? findPerson(world, message.author) : undefined
  return {
    ...request,
    fromMe: message.fromMe,
    ...(group && author && { participant: jidOf(author, group.addressed) }),
  }
}

const common = {
  with: z.string().optional(),
  as: z.enum(['lid', 'pn']).optional(),
  when: z.enum(['now', 'upload']).default('now'),
}
const on = z.boolean().default(true)
const settingBody = z.discriminatedUnion('action', [
  z.strictObject({ action: z.enum(['archive', 'pin', 'mark_read', 'lock']), on, ...common }),
  z.strictObject({ action: z.literal('mute'), on, until: z.number().int().optional(), ...common }),
  z.strictObject({ action: z.literal('star'), id: z.string(), on, ...common }),
  z.strictObject({ action: z.literal('delete_for_me'), id: z.string(), ...common }),
  z.strictObject({ action: z.enum(['clear_chat', 'delete_chat']), ...common }),
  z.strictObject({ action: z.literal('contact'), name: z.string().min(1).max(100), ...common }),
  z.strictObject({ action: z.literal('push_name'), name: z.string().min(1).max(100), ...common }),
])
