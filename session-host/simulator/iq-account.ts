import type { Connection } from './connection.ts'
import { restrictionData } from './restrictions.ts'
import { setBlocked } from './block.ts'
import { setGroupPicture } from './group-admin.ts'
import { groupByJid, memberOf } from './group.ts'
import { failIq, replyIq } from './iq-reply.ts'
import { pictureId, setPicture } from './picture.ts'
import { bytesOf, child, children, stanza, type Stanza } from './stanza.ts'
import type { Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

/** `xmlns=abt`: the server's switches. Only those that Baileys reads: privacy tokens on 1:1 messages and pictures, none issued to LIDs. */
export function answerProps(_world: World, connection: Connection, query: Stanza): boolean {
  const props = [
    ['10518', '1'],
    ['9666', '1'],
    ['14303', '0'],
  ].map(([code, value]) => stanza('prop', { config_code: code, config_value: value }))
  replyIq(connection, query, [
    stanza('props', { protocol: 1, hash: 'simulator', refresh: 86_400, refresh_id: 1 }, props),
  ])
  return true
}

/** `xmlns=blocklist`: the account's list, and changes of it. */
export function answerBlocklist(world: World, connection: Connection, query: Stanza): boolean {
  const person = connection.login?.person
  if (!person) return false
  const item = child(query, 'item')
  if (query.attrs.type === 'set' && item) {
    setBlocked(world, person, item.attrs.jid ?? '', item.attrs.action === 'block')
  }
  const items = person.blocked.map((jid) => stanza('item', { jid }))
  replyIq(connection, query, [stanza('list', { dhash: 'simulator' }, items)])
  return true
}

/** `xmlns=privacy`: the settings, changes of them, and privacy tokens (accepted; the simulator does not hand any out). */
export function answerPrivacy(world: World, connection: Connection, query: Stanza): boolean {
  const person = connection.login?.person
  if (!person) return false
  if (child(query, 'tokens')) {
    replyIq(connection, query, [stanza('tokens')])
    return true
  }
  const changes = children(child(query, 'privacy'), 'category')
  for (const { attrs } of changes) person.privacy[attrs.name ?? ''] = attrs.value ?? ''
  if (changes.length > 0) world.changed()
  const categories = Object.entries(person.privacy).map(([name, value]) => stanza('category', { name, value }))
  replyIq(connection, query, [stanza('privacy', {}, categories)])
  return true
}

/** `xmlns=w:profile:picture`: an address for somebody's picture, or 404; setting and removing the own one. */
export function answerPicture(world: World, connection: Connection, query: Stanza): boolean {
  const me = connection.login?.person
  if (!me) return false
  const picture = bytesOf(child(query, 'picture'))
  if (query.attrs.type === 'set') {
    if (query.attrs.target !== undefined) return setPictureOfGroup(world, connection, me, query, picture)
    setPicture(world, me, picture)
    replyIq(connection, query, picture ? [stanza('picture', { id: pictureId(picture) })] : undefined)
    return true
  }
  const person = findPerson(world, query.attrs.target ?? me.number)
  if (!person?.picture) {
    failIq(connection, query, 404, 'item-not-found')
    return true
  }
  const type = child(query, 'picture')?.attrs.type ?? 'image'
  const url = `http://${world.host()}/pictures/${person.number}`
  const attributes = { id: pictureId(person.picture), type, url, direct_path: `/pictures/${person.number}` }
  replyIq(connection, query, [stanza('picture', attributes)])
  return true
}

function setPictureOfGroup(
  world: World,
  connection: Connection,
  me: Person,
  query: Stanza,
  picture: Buffer | undefined,
): boolean {
  const group = groupByJid(world, query.attrs.target ?? '')
  const member = group && memberOf(group, me)
  if (!group || !member) failIq(connection, query, 404, 'item-not-found')
  else if (group.onlyAdminsEdit && member.role === 'member') failIq(connection, query, 403, 'forbidden')
  else {
    setGroupPicture(world, group, me, picture)
    replyIq(connection, query, picture ? [stanza('picture', { id: pictureId(picture) })] : undefined)
  }
  return true
}

/** `xmlns=status`: the own "about" text. */
export function answerStatus(world: World, connection: Connection, query: Stanza): boolean {
  const text = bytesOf(child(query, 'status'))
  const person = connection.login?.person
  if (query.attrs.type !== 'set' || !person) return false
  person.about = text?.toString('utf8') ?? ''
  world.changed()
  replyIq(connection, query)
  return true
}

/** `xmlns=w:m`: where media go. */
export function answerMediaConnection(world: World, connection: Connection, query: Stanza): boolean {
  if (!child(query, 'media_conn')) return false
  const host = stanza('host', { hostname: world.mediaHost(), maxContentLengthBytes: 104_857_600 })
  const attributes = { auth: 'simulator', ttl: 3600, auth_ttl: 3600, max_buckets: 12, id: seconds() }
  replyIq(connection, query, [stanza('media_conn', attributes, [host])])
  return true
}

/** `xmlns=w:mex`: GraphQL queries, answered with what there is of the account's restrictions, else with "nothing there". */
export function answerMex(world: World, connection: Connection, query: Stanza): boolean {
  const data = restrictionData(world, connection, child(query, 'query')?.attrs.query_id)
  replyIq(connection, query, [stanza('result', {}, Buffer.from(JSON.stringify({ data })))])
  return true
}
