-- WhatsApp credentials: encrypted by the host before they come here; no client role can read them.

create table private.whatsapp_credentials (
  session_id uuid primary key references public.whatsapp_sessions (id) on delete cascade,
  ciphertext bytea not null,
  updated_at timestamptz not null default now()
);
comment on table private.whatsapp_credentials is 'Account credentials of a linked session, AES-256-GCM with the host''s AUTH_STATE_KEY.';
comment on column private.whatsapp_credentials.session_id is 'Session.';
comment on column private.whatsapp_credentials.ciphertext is 'Key id, nonce, ciphertext and tag.';
comment on column private.whatsapp_credentials.updated_at is 'When it was last written.';

create table private.whatsapp_keys (
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  type text not null check (char_length(type) between 1 and 64),
  id text not null check (char_length(id) between 1 and 512),
  ciphertext bytea not null,
  primary key (session_id, type, id)
);
comment on table private.whatsapp_keys is 'Signal keys of a linked session: ratchets, prekeys, sender keys, app-state keys. Encrypted like the credentials.';
comment on column private.whatsapp_keys.session_id is 'Session.';
comment on column private.whatsapp_keys.type is 'Baileys'' name of the kind.';
comment on column private.whatsapp_keys.id is 'Id within the kind.';
comment on column private.whatsapp_keys.ciphertext is 'Key id, nonce, ciphertext and tag.';

-- The write-ahead inbox: plaintext and ratchet are committed together before the receipt leaves.
create table private.inbox (
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  id text not null check (char_length(id) between 1 and 128),
  ciphertext bytea not null,
  received_at timestamptz not null default now(),
  primary key (session_id, id)
);
comment on table private.inbox is 'Decrypted but not yet projected messages, encrypted like the credentials. A row goes when its message is in messages_new.';
comment on column private.inbox.session_id is 'Session.';
comment on column private.inbox.id is 'SHA-256 of the WhatsApp ciphertext.';
comment on column private.inbox.ciphertext is 'Key id, nonce, encrypted stanza attributes and plaintext, tag.';
comment on column private.inbox.received_at is 'When it was decrypted.';

alter table private.whatsapp_credentials enable row level security;
alter table private.whatsapp_keys enable row level security;
alter table private.inbox enable row level security;
grant select, insert, update, delete on private.whatsapp_credentials, private.whatsapp_keys, private.inbox to session_host;
create policy "the session host can use credentials" on private.whatsapp_credentials
  for all to session_host using (true) with check (true);
create policy "the session host can use keys" on private.whatsapp_keys
  for all to session_host using (true) with check (true);
create policy "the session host can use the inbox" on private.inbox
  for all to session_host using (true) with check (true);
