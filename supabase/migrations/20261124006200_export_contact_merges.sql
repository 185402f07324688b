-- An export also says which ids of contacts lead where.

/** As before, with merged contacts. */
create or replace function private.export_user(p_user_id uuid, p_cursor jsonb default null, p_limit integer default 500) returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  -- Table, and the two parts of its key with their types.
  v_tables constant text[][] := array[
    ['public.whatsapp_sessions', 'id', 'uuid', 'id', 'uuid'],
    ['public.personalities', 'id', 'uuid', 'id', 'uuid'],
    ['public.contacts', 'id', 'uuid', 'id', 'uuid'],
    ['public.contact_identities', 'session_id', 'uuid', 'jid', 'text'],
    ['public.conversations_new', 'id', 'uuid', 'id', 'uuid'],
    ['private.contact_merges', 'old_id', 'uuid', 'old_id', 'uuid'],
    ['private.conversation_merges', 'old_id', 'uuid', 'old_id', 'uuid'],
    ['public.groups', 'conversation_id', 'uuid', 'conversation_id', 'uuid'],
    ['public.group_participants', 'conversation_id', 'uuid', 'jid', 'text'],
    ['public.messages_new', 'ordinal', 'bigint', 'ordinal', 'bigint'],
    ['public.message_receipts', 'message_id', 'uuid', 'participant_jid', 'text'],
    ['public.session_events', 'session_id', 'uuid', 'seq', 'bigint'],
    ['private.session_commands', 'id', 'bigint', 'id', 'bigint'],
    ['private.idempotency_keys', 'key', 'text', 'key', 'text']];
  v_limit integer := least(greatest(coalesce(p_limit, 500), 1), 1000);
  v_table integer := 1;
  v_rows jsonb;
  v_count integer;
  v_key1 text;
  v_key2 text;
begin
  if p_cursor is not null then
    for i in 1 .. array_length(v_tables, 1) loop
      if v_tables[i][1] = p_cursor ->> 0 then
        v_table := i;
        exit;
      end if;
      if i = array_length(v_tables, 1) then
        perform private.fail(400, 'invalid_cursor', 'Start from the first page.');
      end if;
    end loop;
  end if;
  begin
    execute format(
      'select jsonb_agg(to_jsonb(t) order by t.%2$I, t.%4$I), count(*) from (
         select * from %1$s where user_id = $1 and ($2 is null or (%2$I, %4$I) > ($2::%3$s, $3::%5$s))
           order by %2$I, %4$I limit $4) t',
      v_tables[v_table][1], v_tables[v_table][2], v_tables[v_table][3], v_tables[v_table][4], v_tables[v_table][5])
      into v_rows, v_count using p_user_id, p_cursor ->> 1, p_cursor ->> 2, v_limit;
  exception when data_exception then
    perform private.fail(400, 'invalid_cursor', 'Start from the first page.');
  end;
  if v_count = v_limit then
    v_key1 := v_rows -> -1 ->> v_tables[v_table][2];
    v_key2 := v_rows -> -1 ->> v_tables[v_table][4];
  end if;
  return jsonb_build_object(
    'table', v_tables[v_table][1],
    'rows', coalesce(v_rows, '[]'),
    'next', case
      when v_count = v_limit then jsonb_build_array(v_tables[v_table][1], v_key1, v_key2)
      when v_table < array_length(v_tables, 1) then jsonb_build_array(v_tables[v_table + 1][1], null, null) end);
end
$$;
