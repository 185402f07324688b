-- Plans that stay are made when tables may still be small, and would read them whole for as long as they stay. What a message takes on its
-- way looks up few rows by their keys, so these functions go through indexes whatever the tables' size.

do $$
declare
  v_function regprocedure;
begin
  foreach v_function in array array[
    'private.acknowledge_messages(uuid, uuid[], bigint[], text[])',
    'private.raise_statuses(uuid, uuid[], bigint[], text[], text[], text[], integer)',
    'private.receive_messages(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb)',
    'private.submit_message(text, text, text, uuid, text)',
    'private.submit_texts(jsonb)',
    'private.append_events(uuid, uuid, jsonb)',
    'private.read_events(uuid[], bigint[], integer[])']::regprocedure[]
  loop
    execute format('alter function %s set enable_seqscan = off', v_function);
    execute format('alter function %s set enable_hashjoin = off', v_function);
    execute format('alter function %s set enable_mergejoin = off', v_function);
  end loop;
end
$$;

/** As before; what the reference means is looked up once, not once a conversation of the user's. */
create or replace function private.writable_conversation(p_user_id uuid, p_conversation text) returns public.conversations_new
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_id uuid := private.find_conversation(p_user_id, p_conversation);
  v_conversation public.conversations_new;
begin
  select * into v_conversation from public.conversations_new where id = v_id and user_id = p_user_id;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  return v_conversation;
end
$$;

/** As before; planned once a connection. */
create or replace function private.remember_result(p_user_id uuid, p_key text, p_fingerprint text, p_result jsonb) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  if p_key is not null then
    insert into private.idempotency_keys (user_id, key, fingerprint, result) values (p_user_id, p_key, p_fingerprint, p_result);
  end if;
end
$$;
