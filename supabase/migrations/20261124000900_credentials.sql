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
  stanza_key text not null check (char_length(stanza_key) between 1 and 128),
  ciphertext bytea,
  received_at timestamptz not null default now(),
  projected_at timestamptz,
  primary key (session_id, id),
  check ((projected_at is null) = (ciphertext is not null))
);
create index inbox_waiting_idx on private.inbox (session_id, received_at) where projected_at is null;
create index inbox_projected_at_idx on private.inbox (session_id, projected_at);
create index inbox_stanza_key_idx on private.inbox (session_id, stanza_key);
comment on table private.inbox is
  'Decrypted but not yet projected messages, encrypted like the credentials. Once projected only the hash stays for a week: WhatsApp redelivers what it got no receipt for, and a ratchet decrypts a ciphertext once.';
comment on column private.inbox.session_id is 'Session.';
comment on column private.inbox.id is 'SHA-256 of the WhatsApp ciphertext.';
comment on column private.inbox.stanza_key is 'SHA-256 of sender, participant and id of the stanza, by which its row is found when it was projected.';
comment on column private.inbox.ciphertext is 'Key id, nonce, encrypted stanza attributes and plaintext, tag.';
comment on column private.inbox.projected_at is 'When its message was stored; the ciphertext is gone then.';
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

/**
 * Writes one key-store call of a host in one transaction: keys (a null value deletes), inbox rows, and the account credentials when
 * they changed too, so that they are never out of step. Refused with lease_lost when the epoch is stale.
 */
create function private.write_keys(
  p_session_id uuid, p_holder uuid, p_epoch bigint, p_credentials bytea,
  p_types text[], p_ids text[], p_values bytea[], p_inbox_ids text[], p_inbox_keys text[], p_inbox_values bytea[]
) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  if p_credentials is not null then
    insert into private.whatsapp_credentials (session_id, ciphertext) values (p_session_id, p_credentials)
      on conflict (session_id) do update set ciphertext = excluded.ciphertext, updated_at = now();
  end if;
  insert into private.whatsapp_keys (session_id, type, id, ciphertext)
    select p_session_id, k.type, k.id, k.value from unnest(p_types, p_ids, p_values) as k(type, id, value)
      where k.value is not null
    on conflict (session_id, type, id) do update set ciphertext = excluded.ciphertext;
  delete from private.whatsapp_keys w using unnest(p_types, p_ids, p_values) as k(type, id, value)
    where w.session_id = p_session_id and w.type = k.type and w.id = k.id and k.value is null;
  insert into private.inbox (session_id, id, stanza_key, ciphertext)
    select p_session_id, i.id, i.key, i.value from unnest(p_inbox_ids, p_inbox_keys, p_inbox_values) as i(id, key, value)
    on conflict (session_id, id) do nothing;
end
$$;
revoke all on function private.write_keys(uuid, uuid, bigint, bytea, text[], text[], bytea[], text[], text[], bytea[])
  from public;
grant execute on function private.write_keys(uuid, uuid, bigint, bytea, text[], text[], bytea[], text[], text[], bytea[])
  to session_host;
