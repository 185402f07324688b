-- What was decrypted and what came of it are one transaction where both are at hand: one commit a message instead of two.

/**
 * The writes of private.write_keys_together and of private.store_messages, in this order and in one transaction; either may be empty.
 * Answers the sessions whose keys were not written because their lease is lost (part `keys`), and what became of the messages of each
 * session (part `messages`).
 */
create function private.receive_messages(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_credentials bytea[],
  p_key_sessions uuid[], p_types text[], p_ids text[], p_values bytea[],
  p_inbox_sessions uuid[], p_inbox_ids text[], p_inbox_keys text[], p_inbox_values bytea[], p_messages jsonb
) returns table (part text, session_id uuid, outcome text)
  language plpgsql
  set search_path = ''
as $$
begin
  if cardinality(p_session_ids) > 0 then
    return query
      select 'keys', k.lost_session_id, 'lease_lost'
        from private.write_keys_together(p_holder, p_session_ids, p_epochs, p_credentials, p_key_sessions, p_types, p_ids, p_values,
          p_inbox_sessions, p_inbox_ids, p_inbox_keys, p_inbox_values) k;
  end if;
  if jsonb_array_length(p_messages) > 0 then
    return query
      select 'messages', m.session_id, m.outcome from private.store_messages(p_holder, p_messages) m;
  end if;
end
$$;
comment on function private.receive_messages(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb) is
  'Writes keys and inbox rows of several sessions and stores the messages that came of them, in one transaction.';
revoke all on function
  private.receive_messages(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb)
  from public;
grant execute on function
  private.receive_messages(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb)
  to session_host;
