import { displayName } from '#shared/contact.ts'
import type { SessionEvent } from '#shared/events.ts'
import type { Transaction } from './database.ts'

/** A contact's row as far as its name goes. */
export interface NamedContact {
  id: string
  name: string | null
  push_name: string | null
  verified_name: string | null
  phone: string | null
}

/** Gives the conversations of these contacts the name that now comes first. */
export async function renameConversations(transaction: Transaction, contacts: NamedContact[]): Promise<SessionEvent[]> {
  if (contacts.length === 0) return []
  const renamed = await transaction.query<{ id: string }>(
    `update public.conversations_new c set contact_name = n.name
       from unnest($1::uuid[], $2::text[]) as n(contact_id, name)
       where c.contact_id = n.contact_id and c.contact_name is distinct from n.name
       returning c.id`,
    [
      contacts.map((contact) => contact.id),
      contacts.map((contact) =>
        displayName({
          name: contact.name,
          verifiedName: contact.verified_name,
          pushName: contact.push_name,
          phone: contact.phone,
        }),
      ),
    ],
  )
  return renamed.map((row) => ({ type: 'conversation.updated', data: { conversation_id: row.id } }))
}
