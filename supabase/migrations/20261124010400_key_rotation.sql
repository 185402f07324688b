-- Which key of AUTH_STATE_KEY the stored values are sealed with: an old key may go when nothing is left of it.

/** Id of the key that a sealed value was written with: version, length of the id, id. */
create function private.sealed_with(p_sealed bytea) returns text
  language sql
  immutable
  set search_path = ''
as $$
  select case when length(p_sealed) > 2 then encode(substr(p_sealed, 3, get_byte(p_sealed, 1)), 'escape') end
$$;
comment on function private.sealed_with(bytea) is 'Id of the key that a sealed value was written with.';
revoke all on function private.sealed_with(bytea) from public;
grant execute on function private.sealed_with(bytea) to session_host, service_role;

-- The views ask as whoever reads them; administrators count values, they never see one.
create function private.count_sealed() returns table (session_id uuid, key_id text, sealed bigint)
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
      union all select h.session_id, h.notice from private.history_chunks h where h.notice is not null) v
    group by 1, 2
$$;
comment on function private.count_sealed() is 'How many sealed values of each session were written with which key.';
revoke all on function private.count_sealed() from public;
grant execute on function private.count_sealed() to session_host, service_role;

create view dashboard.sealed_values with (security_invoker = true) as
  select s.user_id, c.session_id, c.key_id, c.sealed
    from private.count_sealed() c join public.whatsapp_sessions s on s.id = c.session_id;
comment on view dashboard.sealed_values is 'Progress of a key rotation: a key of AUTH_STATE_KEY that is not listed here may be removed. Reads everything: not for every minute.';
comment on column dashboard.sealed_values.user_id is 'Owner.';
comment on column dashboard.sealed_values.session_id is 'Session.';
comment on column dashboard.sealed_values.key_id is 'Id of the key, the part of AUTH_STATE_KEY before the colon.';
comment on column dashboard.sealed_values.sealed is 'How many credentials, keys and kept messages it has sealed.';
revoke all on dashboard.sealed_values from public, anon, authenticated;
grant select on dashboard.sealed_values to service_role;
