import { randomUUID } from 'node:crypto'
import { phoneJid, phoneOf } from '#shared/ids.ts'
import type { SessionEvent } from '#shared/events.ts'
import type { Transaction } from './database.ts'
import { renameConversations, type NamedContact } from './rename-conversations.ts'

/** Whose people these are. */
export interface Owner {
  sessionId: string
  userId: string
}

/** The contacts that JIDs belong to. */
export async function findIdentities(
  transaction: Transaction,
  owner: Owner,
  jids: string[],
): Promise<Map<string, string>> {
  const rows = await transaction.query<{ jid: string; contactId: string }>(
    `select jid, contact_id as "contactId" from public.contact_identities where session_id = $1 and jid = any($2)`,
    [owner.sessionId, jids],
  )
  return new Map(rows.map((row) => [row.jid, row.contactId]))
}

/** Gives JIDs to a contact, from whomever had them. */
export async function setIdentities(
  transaction: Transaction,
  owner: Owner,
  contactId: string,
  jids: string[],
): Promise<void> {
  await transaction.query(
    `insert into public.contact_identities (session_id, user_id, contact_id, jid)
       select $1, $2, $3, unnest($4::text[])
       on conflict (session_id, jid) do update set contact_id = excluded.contact_id`,
    [owner.sessionId, owner.userId, contactId, jids],
  )
}

/** Contacts that are new, made together: a history names thousands. */
export interface NewContacts {
  /** Notes a person with these JIDs, nobody's so far; the contact's id. */
  add(jids: string[]): string
  /** Makes what was noted. Needed before anything else touches one of them. */
  flush(): Promise<void>
}

/** @see NewContacts */
export function createNewContacts(transaction: Transaction, owner: Owner): NewContacts {
  const noted: { id: string; jids: string[] }[] = []
  return {
    add(jids) {
      const id = randomUUID()
      noted.push({ id, jids })
      return id
    },
    async flush() {
      const people = noted.splice(0)
      if (people.length === 0) return
      await transaction.query(
        `insert into public.contacts (id, user_id, session_id, phone)
           select p.id, $1, $2, p.phone from unnest($3::uuid[], $4::text[]) as p(id, phone)`,
        [
          owner.userId,
          owner.sessionId,
          people.map(({ id }) => id),
          people.map(({ jids }) => jids.map(phoneOf).find((phone) => phone !== null) ?? null),
        ],
      )
      const identities = people.flatMap(({ id, jids }) => jids.map((jid) => ({ id, jid })))
      await transaction.query(
        `insert into public.contact_identities (session_id, user_id, contact_id, jid)
           select $1, $2, i.contact_id, i.jid from unnest($3::uuid[], $4::text[]) as i(contact_id, jid)`,
        [owner.sessionId, owner.userId, identities.map(({ id }) => id), identities.map(({ jid }) => jid)],
      )
    },
  }
}

/** Whether a contact has a LID other than these. */
export async function hasOtherLid(transaction: Transaction, contactId: string, lids: string[]): Promise<boolean> {
  const rows = await transaction.query(
    `select 1 from public.contact_identities where contact_id = $1 and kind = 'lid' and jid <> all($2) limit 1`,
    [contactId, lids],
  )
  return rows.length > 0
}

/**
 * Puts the address on the contact and its conversation: the number just told, else the one it has if that is still theirs, else the
 * newest, else the LID.
 */
export async function refreshAddress(
  transaction: Transaction,
  contactId: string,
  events: SessionEvent[],
  newestPhone: string | null = null,
): Promise<void> {
  const identities = await transaction.query<{ jid: string; phone: string | null }>(
    `select i.jid, c.phone from public.contact_identities i join public.contacts c on c.id = i.contact_id
       where i.contact_id = $1 order by i.kind desc, i.created_at desc`,
    [contactId],
  )
  const jids = identities.map(({ jid }) => jid)
  const wanted = [newestPhone, identities[0]?.phone].flatMap((phone) => (phone ? [phoneJid(phone)] : []))
  const address = wanted.find((jid) => jids.includes(jid)) ?? jids[0]
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
