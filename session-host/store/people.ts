import { isPersonJid, phoneOf } from '#shared/ids.ts'
import type { InboundPerson } from '#shared/inbound.ts'
import type { SessionEvent } from '#shared/events.ts'
import { clipName } from './clip-name.ts'
import type { Transaction } from './database.ts'
import { mergeContacts } from './merge-contacts.ts'
import { renameConversations, type NamedContact } from './rename-conversations.ts'

interface Owner {
  sessionId: string
  userId: string
}

interface KnownIdentity {
  jid: string
  contactId: string
}

/**
 * Makes sure that every person named is one contact, whatever JIDs they come with, and stores what is known of them.
 * Returns the contact of every JID given, and the events of what changed. Runs inside the batch's transaction.
 *
 * A number and a LID said to be the same person are linked. When both were known apart, the two contacts are merged, unless the
 * number's contact has another LID already: then the number has moved to a new person, who gets it, and the old one keeps the LID.
 */
export async function resolvePeople(
  transaction: Transaction,
  owner: Owner,
  people: InboundPerson[],
): Promise<{ contacts: Map<string, string>; events: SessionEvent[] }> {
  const events: SessionEvent[] = []
  const persons = people.filter((person) => isPersonJid(person.jid))
  const jids = [...new Set(persons.flatMap((person) => (person.alt ? [person.jid, person.alt] : [person.jid])))]
  const contacts = new Map<string, string>()
  if (jids.length === 0) return { contacts, events }
  for (const row of await findIdentities(transaction, owner, jids)) contacts.set(row.jid, row.contactId)

  for (const person of persons) {
    const alt = person.alt && isPersonJid(person.alt) && person.alt !== person.jid ? person.alt : undefined
    const mine = contacts.get(person.jid)
    const other = alt ? contacts.get(alt) : undefined
    if (alt && (mine !== other || !mine)) await link(person.jid, alt)
    else if (!mine) await create([person.jid])
  }
  events.push(...(await storeNames(transaction, owner, persons, contacts)))
  return { contacts, events }

  async function create(identities: string[]): Promise<string> {
    const phone = identities.map(phoneOf).find((digits) => digits !== null) ?? null
    const [row] = await transaction.query<{ id: string }>(
      'insert into public.contacts (user_id, session_id, phone) values ($1, $2, $3) returning id',
      [owner.userId, owner.sessionId, phone],
    )
    if (!row) throw new Error('contact was not created')
    await setIdentities(row.id, identities)
    return row.id
  }

  async function setIdentities(contactId: string, identities: string[]): Promise<void> {
    await transaction.query(
      `insert into public.contact_identities (session_id, user_id, contact_id, jid)
         select $1, $2, $3, unnest($4::text[])
         on conflict (session_id, jid) do update set contact_id = excluded.contact_id`,
      [owner.sessionId, owner.userId, contactId, identities],
    )
    for (const jid of identities) contacts.set(jid, contactId)
  }

  async function link(a: string, b: string): Promise<void> {
    const [number, lid] = phoneOf(a) === null ? [b, a] : [a, b]
    // Two numbers or two LIDs of one person don't come as a pair; treat each on its own.
    if (phoneOf(number) === null || phoneOf(lid) !== null) {
      for (const jid of [a, b]) if (!contacts.has(jid)) await create([jid])
      return
    }
    const byNumber = contacts.get(number)
    const byLid = contacts.get(lid)
    if (!byNumber && !byLid) {
      await create([number, lid])
      return
    }
    const numberMoved = byNumber !== undefined && (await hasOtherLid(byNumber, lid))
    if (byNumber && !byLid && !numberMoved) await setIdentities(byNumber, [lid])
    else if (byNumber && byLid && !numberMoved) {
      const kept = await mergeContacts(transaction, owner, byNumber, byLid, events)
      for (const [jid, contactId] of contacts)
        if (contactId === byNumber || contactId === byLid) contacts.set(jid, kept)
    } else {
      const target = byLid ?? (await create([lid]))
      await setIdentities(target, [number])
      if (numberMoved) await refreshAddress(transaction, byNumber, events)
    }
    const contactId = contacts.get(lid)
    if (contactId) await refreshAddress(transaction, contactId, events, phoneOf(number))
  }

  async function hasOtherLid(contactId: string, lid: string): Promise<boolean> {
    const rows = await transaction.query(
      `select 1 from public.contact_identities where contact_id = $1 and kind = 'lid' and jid <> $2 limit 1`,
      [contactId, lid],
    )
    return rows.length > 0
  }
}

async function findIdentities(transaction: Transaction, owner: Owner, jids: string[]): Promise<KnownIdentity[]> {
  return transaction.query<KnownIdentity>(
    `select jid, contact_id as "contactId" from public.contact_identities where session_id = $1 and jid = any($2)`,
    [owner.sessionId, jids],
  )
}

/** Puts the number's JID (the newest, else the LID) on the contact and its conversation. */
async function refreshAddress(
  transaction: Transaction,
  contactId: string,
  events: SessionEvent[],
  newestPhone: string | null = null,
): Promise<void> {
  const identities = await transaction.query<{ jid: string }>(
    'select jid from public.contact_identities where contact_id = $1 order by kind desc, created_at desc',
    [contactId],
  )
  const address = identities.map(({ jid }) => jid).find((jid) => phoneOf(jid) === newestPhone) ?? identities[0]?.jid
  if (!address) return
  const contact = await transaction.query<NamedContact>(
    'update public.contacts set phone = $2 where id = $1 returning id, name, push_name, verified_name, phone',
    [contactId, phoneOf(address)],
  )
  const changed = await transaction.query<{ id: string }>(
    `update public.conversations_new set external_id = $2 where contact_id = $1 and external_id <> $2 returning id`,
    [contactId, address],
  )
  for (const row of changed) events.push({ type: 'conversation.updated', data: { conversation_id: row.id } })
  // A number that is shown for want of a name, and the names that a merge brought, show at once.
  events.push(...(await renameConversations(transaction, contact)))
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
