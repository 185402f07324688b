/** SQL: the JID that a conversation `c` is addressed by. A person's LID when it is known (one ratchet a person), else the number. */
export const address = `coalesce((
  select i.jid from public.contact_identities i where i.contact_id = c.contact_id order by i.kind, i.created_at desc limit 1
), c.external_id)`
