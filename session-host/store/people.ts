import { isPersonJid, phoneOf } from '#shared/ids.ts'
import type { InboundPerson } from '#shared/inbound.ts'
import type { SessionEvent } from '#shared/events.ts'
import { clipName } from './clip-name.ts'
import type { Transaction } from './database.ts'
import {
  createNewContacts,
  findIdentities,
  hasOtherLid,
  refreshAddress,
  setIdentities,
  type Owner,
} from './identities.ts'
import { mergeContacts } from './merge-contacts.ts'
import { renameConversations, type NamedContact } from './rename-conversations.ts'

/**
 * Makes sure that every person named is one contact, whatever JIDs they come with, and stores what is known of them.
 * Returns the contact of every JID given, the events of what changed, and the contacts that have another JID than before. Runs inside the
 * batch's transaction.
 *
 * A number and a LID said to be the same person are linked. When both were known apart, the two contacts are merged, unless the
 * number's contact has another LID already: then the number has moved to a new person, who gets it, and the old one keeps the LID.
 */
export async function resolvePeople(
  transaction: Transaction,
  owner: Owner,
  people: InboundPerson[],
): Promise<{ contacts: Map<string, string>; events: SessionEvent[]; joined: string[] }> {
  const events: SessionEvent[] = []
  const joined: string[] = []
  const persons = people.filter((person) => isPersonJid(person.jid))
  const jids = [...new Set(persons.flatMap((person) => (person.alt ? [person.jid, person.alt] : [person.jid])))]
  if (jids.length === 0) return { contacts: new Map(), events, joined }
  const contacts = await findIdentities(transaction, owner, jids)
  const newContacts = createNewContacts(transaction, owner)

  for (const person of persons) {
    const alt = person.alt && isPersonJid(person.alt) && person.alt !== person.jid ? person.alt : undefined
    const mine = contacts.get(person.jid)
    const other = alt ? contacts.get(alt) : undefined
    if (alt && (mine !== other || !mine)) await link(person.jid, alt)
    else if (!mine) create([person.jid])
  }
  await newContacts.flush()
  events.push(...(await storeNames(transaction, owner, persons, contacts)))
  return { contacts, events, joined }

  function create(identities: string[]): string {
    const id = newContacts.add(identities)
    for (const jid of identities) contacts.set(jid, id)
    return id
  }

  async function give(contactId: string, jid: string): Promise<void> {
    await setIdentities(transaction, owner, contactId, [jid])
    contacts.set(jid, contactId)
  }

  async function link(a: string, b: string): Promise<void> {
    const [number, lid] = phoneOf(a) === null ? [b, a] : [a, b]
    // Two numbers or two LIDs of one person don't come as a pair; treat each on its own.
    if (phoneOf(number) === null || phoneOf(lid) !== null) {
      for (const jid of [a, b]) if (!contacts.has(jid)) create([jid])
      return
    }
    const byNumber = contacts.get(number)
    const byLid = contacts.get(lid)
    if (!byNumber && !byLid) {
      create([number, lid])
      return
    }
    await newContacts.flush()
    const numberMoved = byNumber !== undefined && (await hasOtherLid(transaction, byNumber, [lid]))
    if (byNumber && !byLid && !numberMoved) await give(byNumber, lid)
    else if (byNumber && byLid && !numberMoved) {
      const kept = await mergeContacts(transaction, owner, byNumber, byLid, events)
      for (const [jid, contactId] of contacts)
        if (contactId === byNumber || contactId === byLid) contacts.set(jid, kept)
    } else {
      const target = byLid ?? create([lid])
      await newContacts.flush()
      await give(target, number)
      if (numberMoved) await refreshAddress(transaction, byNumber, events)
    }
    const contactId = contacts.get(lid)
    if (!contactId) return
    joined.push(contactId)
    await refreshAddress(transaction, contactId, events, phoneOf(number))
  }
}

/** Stores new names, and what follows for the names of conversations. */
async function storeNames(
  transaction: Transaction,
  owner: Owner,
  people: InboundPerson[],
  contacts: Map<string, string>,
): Promise<SessionEvent[]> {
  const named = new Map<string, InboundPerson>()
  for (const person of people) {
    const id = contacts.get(person.jid)
    if (id && (person.name || person.pushName || person.verifiedName || person.alt))
      named.set(id, { ...named.get(id), ...person })
  }
  if (named.size === 0) return []
  const rows = [...named]
  const updated = await transaction.query<NamedContact>(
    `update public.contacts c set
         name = coalesce(n.name, c.name), push_name = coalesce(n.push_name, c.push_name),
         verified_name = coalesce(n.verified_name, c.verified_name)
       from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as n(id, name, push_name, verified_name)
       where c.id = n.id and c.session_id = $5
         and (coalesce(n.name, c.name), coalesce(n.push_name, c.push_name), coalesce(n.verified_name, c.verified_name))
           is distinct from (c.name, c.push_name, c.verified_name)
       returning c.id, c.name, c.push_name, c.verified_name, c.phone`,
    [
      rows.map(([id]) => id),
      rows.map(([, person]) => clipName(person.name)),
      rows.map(([, person]) => clipName(person.pushName)),
      rows.map(([, person]) => clipName(person.verifiedName)),
      owner.sessionId,
    ],
  )
  return renameConversations(transaction, updated)
}
