-- The WhatsApp messages that are kept hold the keys of media and polls, and what was said: hosts seal them like everything else that is
-- secret. What was kept before is sealed by the next host that starts.

alter table private.message_protos
  add column sealed_as text check (char_length(sealed_as) between 1 and 256);
comment on column private.message_protos.proto is
  'proto.Message, encoded and sealed with AUTH_STATE_KEY; its first byte is 1, the seal''s version. Holds the keys of media and polls.';
comment on column private.message_protos.sealed_as is
  'Name that it was sealed with, where that is not <session>/message/<wa_id> of its own: a forwarded message keeps the bytes of its original.';
-- Empty once everything is sealed.
create index message_protos_open_idx on private.message_protos (message_id) where get_byte(proto, 0) <> 1;

/** Id of the key that a sealed value was written with: version, length of the id, id. Null for what is not sealed. */
create or replace function private.sealed_with(p_sealed bytea) returns text
  language sql
  immutable
  set search_path = ''
as $$
  select case when length(p_sealed) > 2 and get_byte(p_sealed, 0) = 1
    then encode(substr(p_sealed, 3, get_byte(p_sealed, 1)), 'escape') end
$$;

/** As before, and the WhatsApp messages that are kept. */
create or replace function private.count_sealed() returns table (session_id uuid, key_id text, sealed bigint)
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select v.session_id, private.sealed_with(v.sealed), count(*) from (
      select c.session_id, c.ciphertext as sealed from private.whatsapp_credentials c
      union all select k.session_id, k.ciphertext from private.whatsapp_keys k
      union all select i.session_id, i.ciphertext from private.inbox i where i.ciphertext is not null
      union all select q.session_id, q.ciphertext from private.quarantined_messages q
      union all select h.session_id, h.notice from private.history_chunks h where h.notice is not null
      union all select m.session_id, p.proto
        from private.message_protos p join public.messages_new m on m.id = p.message_id and m.user_id = p.user_id) v
    group by 1, 2
$$;
comment on column dashboard.sealed_values.key_id is
  'Id of the key, the part of AUTH_STATE_KEY before the colon; null for kept messages that are not sealed yet.';
