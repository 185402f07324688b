import type { Connection } from './connection.ts'
import { replyIq } from './iq-reply.ts'
import { jidOf, parseJid } from './jid.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import { conjure } from './magic-numbers.ts'
import type { Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

/**
 * `xmlns=usync`: what the server knows of users. Asked by JID or by phone number (`<contact>+34…</contact>`); answers the protocols that the
 * query names. Somebody asked for by number also gets a `<lid>`, without which Baileys does not encrypt for them.
 */
export function answerUsync(world: World, connection: Connection, query: Stanza): boolean {
  const usync = child(query, 'usync')
  if (!usync) return false
  const protocols = children(child(usync, 'query')).map((each) => each.tag)
  const users = children(child(usync, 'list'), 'user').map((user) => describe(world, user, protocols))
  const result = stanza(
    'result',
    {},
    protocols.map((name) => stanza(name, {})),
  )
  const { sid, context, mode } = usync.attrs
  const attributes = { sid, index: 0, last: 'true', context, mode }
  replyIq(connection, query, [stanza('usync', attributes, [result, stanza('list', {}, users)])])
  return true
}

function describe(world: World, user: Stanza, protocols: string[]): Stanza {
  const digits = bytesOf(child(user, 'contact'))?.toString('utf8').replace(/\D/g, '')
  const asked = user.attrs.jid ?? (digits ? `${digits}@s.whatsapp.net` : '')
  const known = findPerson(world, asked) ?? conjure(world, parseJid(asked)?.user ?? '')
  const person = known && world.faults.get('not_on_whatsapp', known.number) ? undefined : known
  const byNumber = parseJid(asked)?.addressed !== 'lid'
  const content = protocols.flatMap((name) => {
    if (name === 'contact')
      return [stanza('contact', { type: person ? 'in' : 'out' }, digits ? Buffer.from(`+${digits}`) : undefined)]
    if (!person) return []
    if (name === 'devices') return [deviceList(person)]
    if (name === 'lid') return byNumber ? [stanza('lid', { val: jidOf(person, 'lid') })] : []
    if (name === 'status') return [stanza('status', { t: seconds() }, Buffer.from(person.about))]
    if (name === 'disappearing_mode') return [stanza('disappearing_mode', { duration: 0, t: 0 })]
    return []
  })
  return stanza('user', { jid: asked }, content)
}

function deviceList(person: Person): Stanza {
  const companions = person.devices.map((device) => stanza('device', { id: device.id, 'key-index': device.keyIndex }))
  return stanza('devices', {}, [stanza('device-list', {}, [stanza('device', { id: 0 }), ...companions])])
}
