-- A change that is asked for twice with one key is answered as the first time, also when its message is gone meanwhile. And what was
-- deleted for the account alone does not come back as the last message of a conversation.

/** As before; a used key comes first. */
create or replace function private.edit_message(p_message uuid, p_text text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new;
  v_conversation public.conversations_new;
  v_first jsonb;
begin
  -- A key that was used is answered as it was, also when the message could no longer be changed: it may be too old, or deleted by then.
  select * into v_message from public.messages_new where id = p_message and user_id = v_user;
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(
    jsonb_build_array('edit_message', v_message.conversation_id, jsonb_build_object('message_id', p_message, 'text', p_text))));
  if v_first is not null then
    return v_first;
  end if;
  v_message := private.live_message(v_user, p_message);
  v_conversation := private.writable_conversation(v_user, v_message.conversation_id::text);
  perform private.check_text(p_text);
  if not v_message.from_me then
    perform private.fail(403, 'message_not_yours', 'Only who wrote a message may do that.');
  end if;
  if v_message.message_type <> 'text' or v_message.status = 'failed' then
    perform private.fail(409, 'not_editable', 'That message can''t be edited.');
  end if;
  if v_message.created_at < now() - interval '15 minutes' then
    perform private.fail(409, 'message_too_old', 'It is too late for that.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'edit_message',
    jsonb_build_object('message_id', v_message.id, 'text', p_text), p_idempotency_key);
end
$$;

/** As before; a used key comes first. */
create or replace function private.delete_message(p_message uuid, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new;
  v_conversation public.conversations_new;
  v_first jsonb;
begin
  -- A key that was used is answered as it was, also when the message could no longer be changed: it may be too old, or deleted by then.
  select * into v_message from public.messages_new where id = p_message and user_id = v_user;
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(
    jsonb_build_array('delete_message', v_message.conversation_id, jsonb_build_object('message_id', p_message))));
  if v_first is not null then
    return v_first;
  end if;
  v_message := private.live_message(v_user, p_message);
  v_conversation := private.writable_conversation(v_user, v_message.conversation_id::text);
  -- In a group its admins may delete what others wrote.
  if not v_message.from_me and not (v_conversation.kind = 'group' and exists (
      select from public.group_participants where conversation_id = v_conversation.id and role in ('admin', 'superadmin')
        and jid = any (private.own_jids(v_conversation.session_id)))) then
    perform private.fail(403, 'message_not_yours', 'Only who wrote a message may do that.');
  end if;
  -- WhatsApp's own limit: two days and twelve hours.
  if v_message.created_at < now() - interval '60 hours' then
    perform private.fail(409, 'message_too_old', 'It is too late for that.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'delete_message', jsonb_build_object('message_id', v_message.id), p_idempotency_key);
end
$$;

/** As before; a conversation's last message is one that is shown. */
create or replace function private.expire_messages(p_limit integer default 1000) returns setof uuid
  language plpgsql
  set search_path = ''
as $$
declare
  v_ids uuid[] := array(
    select m.id from public.messages_new m where m.expires_at <= now() order by m.expires_at limit p_limit);
  v_gone jsonb;
  v_session record;
begin
  if cardinality(v_ids) = 0 then
    return;
  end if;
  -- Conversations first and in order, as the projection takes them.
  perform from public.conversations_new c
    where c.id in (select m.conversation_id from public.messages_new m where m.id = any (v_ids)) order by c.id for no key update;
  with gone as (
    delete from public.messages_new m where m.id = any (v_ids) returning m.*)
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'session_id', session_id, 'user_id', user_id,
      'conversation_id', conversation_id, 'ordinal', ordinal, 'was_unread', status = 'received')), '[]')
    into v_gone from gone;
  update public.conversations_new c set
      unread_count = greatest(0, c.unread_count - t.unread),
      (last_message_at, last_message_id, last_message_ordinal, last_message_text, last_message_type, last_message_from_me) = (
        select n.created_at, n.id, n.ordinal, left(n.text_content, 200), n.message_type, n.from_me
          from (select 1) one
          left join lateral (
            select m.* from public.messages_new m
              where m.conversation_id = c.id and m.user_id = c.user_id and m.hidden_at is null
              order by m.created_at desc, m.ordinal desc limit 1) n on true)
    from (
      select conversation_id, count(*) filter (where was_unread) as unread
        from jsonb_to_recordset(v_gone) as g(conversation_id uuid, was_unread boolean) group by conversation_id) t
    where c.id = t.conversation_id;
  for v_session in
    select g.session_id, g.user_id, jsonb_agg(jsonb_build_object('type', 'message.deleted', 'data', jsonb_build_object(
        'conversation_id', g.conversation_id, 'message_id', g.id)) order by g.ordinal) as events
      from jsonb_to_recordset(v_gone) as g(id uuid, session_id uuid, user_id uuid, conversation_id uuid, ordinal bigint)
      group by g.session_id, g.user_id order by g.session_id
  loop
    perform private.append_events(v_session.session_id, v_session.user_id, v_session.events);
    return next v_session.session_id;
  end loop;
end
$$;
