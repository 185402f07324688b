-- Somebody who holds a conversation's row must not keep its messages' receipts waiting (the inbox has what it takes to send them), nor
-- the messages of other sessions.

/**
 * The writes of private.write_keys_together and of private.store_messages, in this order and in one transaction; either may be empty.
 * Answers the sessions whose keys were not written because their lease is lost (part `keys`), and what became of the messages of each
 * session (part `messages`). What is of several kinds or sessions waits for rows that somebody holds half a second at most: the
 * caller then writes each by itself.
 */
create or replace function private.receive_messages(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_credentials bytea[],
  p_key_sessions uuid[], p_types text[], p_ids text[], p_values bytea[],
  p_inbox_sessions uuid[], p_inbox_ids text[], p_inbox_keys text[], p_inbox_values bytea[], p_messages jsonb
) returns table (part text, session_id uuid, outcome text)
  language plpgsql
  set search_path = ''
as $$
begin
  if jsonb_array_length(p_messages) > 0 and (cardinality(p_session_ids) > 0
      -- Those of a session stand together.
      or p_messages -> 0 ->> 'session_id' is distinct from p_messages -> -1 ->> 'session_id') then
    perform set_config('lock_timeout', '500ms', true);
  end if;
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
