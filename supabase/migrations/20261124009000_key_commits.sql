-- What many sessions decrypt at once is made durable by one statement and one commit, each session fenced by its own lease.

/**
 * Writes key-store calls of a host in one transaction: keys (a null value deletes), inbox rows, and the account credentials when they
 * changed too, so that they are never out of step. Session i of p_session_ids holds the lease with epoch i and changes its credentials when value i is
 * not null; keys and inbox rows name their session. Each session at most once a call. Answers the sessions whose lease is lost; nothing
 * was written for those. The leases are kept until the transaction ends.
 */
create function private.write_keys_together(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_credentials bytea[],
  p_key_sessions uuid[], p_types text[], p_ids text[], p_values bytea[],
  p_inbox_sessions uuid[], p_inbox_ids text[], p_inbox_keys text[], p_inbox_values bytea[]
) returns table (lost_session_id uuid)
  language plpgsql
  set search_path = ''
as $$
#variable_conflict use_column
declare
  v_leased uuid[];
begin
  if cardinality(p_session_ids) > 1 then
    -- Rows of one that somebody holds must not keep the others waiting: the caller then writes each by itself.
    perform set_config('lock_timeout', '500ms', true);
  end if;
  select coalesce(array_agg(l.session_id), '{}') into v_leased
    from (
      select l.session_id
        from private.session_leases l
        join unnest(p_session_ids, p_epochs) as g(session_id, epoch) on g.session_id = l.session_id and g.epoch = l.epoch
        where l.holder = p_holder and l.expires_at > clock_timestamp()
        order by l.session_id
        for key share of l) l;
  insert into private.whatsapp_credentials (session_id, ciphertext)
    select c.session_id, c.value from unnest(p_session_ids, p_credentials) as c(session_id, value)
      where c.value is not null and c.session_id = any(v_leased)
    on conflict (session_id) do update set ciphertext = excluded.ciphertext, updated_at = now();
  insert into private.whatsapp_keys (session_id, type, id, ciphertext)
    select k.session_id, k.type, k.id, k.value
      from unnest(p_key_sessions, p_types, p_ids, p_values) as k(session_id, type, id, value)
      where k.value is not null and k.session_id = any(v_leased)
    on conflict (session_id, type, id) do update set ciphertext = excluded.ciphertext;
  delete from private.whatsapp_keys w
    using unnest(p_key_sessions, p_types, p_ids, p_values) as k(session_id, type, id, value)
    where w.session_id = k.session_id and w.type = k.type and w.id = k.id and k.value is null
      and k.session_id = any(v_leased);
  insert into private.inbox (session_id, id, stanza_key, ciphertext)
    select i.session_id, i.id, i.key, i.value
      from unnest(p_inbox_sessions, p_inbox_ids, p_inbox_keys, p_inbox_values) as i(session_id, id, key, value)
      where i.session_id = any(v_leased)
    on conflict (session_id, id) do nothing;
  return query select g.session_id from unnest(p_session_ids) as g(session_id) where g.session_id <> all(v_leased);
end
$$;
comment on function private.write_keys_together(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[]) is
  'Writes keys, credentials and inbox rows of several sessions, each fenced by its lease. Answers the sessions whose lease is lost.';
revoke all on function
  private.write_keys_together(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[])
  from public;
grant execute on function
  private.write_keys_together(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[])
  to session_host;

-- Nothing calls it any more.
drop function private.write_keys(uuid, uuid, bigint, bytea, text[], text[], bytea[], text[], text[], bytea[]);
