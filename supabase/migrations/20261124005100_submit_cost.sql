-- Submitting costs less: a function in SQL is parsed and planned again with every call, one in PL/pgSQL once a connection. Of the 3.3 ms
-- of a submit, planning the update of the conversation's row was 1.3.

create or replace function private.note_last_message(p_message public.messages_new) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  update public.conversations_new c set
      last_message_at = p_message.created_at,
      last_message_id = p_message.id,
      last_message_ordinal = p_message.ordinal,
      last_message_text = left(p_message.text_content, 200),
      last_message_type = p_message.message_type,
      last_message_from_me = p_message.from_me
    where c.id = p_message.conversation_id
      and (c.last_message_at is null
        or (p_message.created_at, p_message.ordinal) > (c.last_message_at, coalesce(c.last_message_ordinal, 0)));
end
$$;

create or replace function private.message_json(p_message public.messages_new) returns jsonb
  language plpgsql
  stable
  set search_path = ''
as $$
begin
  return to_jsonb(p_message);
end
$$;

create or replace function private.wake_hosts(p_session_id uuid) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  perform pg_notify('session_wake', p_session_id::text);
end
$$;
