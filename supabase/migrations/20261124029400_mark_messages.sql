-- What a user does to a message for the own account alone: star it, or delete it for oneself. The phone and its other devices follow; it
-- takes effect here when WhatsApp's server has taken it.

/** A shown message of the calling user for the own account to act on, and its conversation; fails with message_not_found or session_not_linked. */
create function private.own_view_of(p_user_id uuid, p_message uuid) returns public.conversations_new
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_conversation public.conversations_new;
begin
  select c.* into v_conversation
    from public.messages_new m join public.conversations_new c on c.id = m.conversation_id and c.user_id = m.user_id
    where m.id = p_message and m.user_id = p_user_id and m.hidden_at is null and m.message_type <> 'notice'
      and (m.expires_at is null or m.expires_at > now());
  if v_conversation.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  if not exists (select from public.whatsapp_sessions where id = v_conversation.session_id and linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  return v_conversation;
end
$$;
comment on function private.own_view_of(uuid, uuid) is 'Conversation of a shown message of a user, of a linked session.';

create function private.star_message(p_message uuid, p_starred boolean, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_payload jsonb := jsonb_build_object('message_id', p_message, 'starred', p_starred);
  v_first jsonb;
begin
  -- A key that was used is answered as it was, also when the message is gone by then.
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(jsonb_build_array('star_message', (
    select conversation_id from public.messages_new where id = p_message and user_id = v_user), v_payload)));
  if v_first is not null then
    return v_first;
  end if;
  if p_starred is null then
    perform private.fail(400, 'invalid_request', 'Say whether it is starred.');
  end if;
  return private.enqueue_command(private.own_view_of(v_user, p_message), 'star_message', v_payload, p_idempotency_key);
end
$$;
comment on function private.star_message(uuid, boolean, text) is 'Definer half of public.star_message.';

create function private.delete_for_me(p_message uuid, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_payload jsonb := jsonb_build_object('message_id', p_message);
  v_first jsonb;
begin
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(jsonb_build_array('delete_for_me', (
    select conversation_id from public.messages_new where id = p_message and user_id = v_user), v_payload)));
  if v_first is not null then
    return v_first;
  end if;
  return private.enqueue_command(private.own_view_of(v_user, p_message), 'delete_for_me', v_payload, p_idempotency_key);
end
$$;
comment on function private.delete_for_me(uuid, text) is 'Definer half of public.delete_for_me.';

create function public.star_message(p_message uuid, p_starred boolean, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.star_message(p_message, p_starred, p_idempotency_key) $$;
comment on function public.star_message(uuid, boolean, text) is
  'Stars a message of yours on your devices, or takes the star away. Answers {command_id} to ask command_result with.';
create function public.delete_for_me(p_message uuid, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.delete_for_me(p_message, p_idempotency_key) $$;
comment on function public.delete_for_me(uuid, text) is
  'Deletes a message on your own devices; here it is hidden, and nobody else loses it. Answers {command_id} to ask command_result with.';

revoke all on function
  private.own_view_of(uuid, uuid), private.star_message(uuid, boolean, text), public.star_message(uuid, boolean, text),
  private.delete_for_me(uuid, text), public.delete_for_me(uuid, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.star_message(uuid, boolean, text), private.delete_for_me(uuid, text) to authenticated, session_host;
grant execute on function public.star_message(uuid, boolean, text), public.delete_for_me(uuid, text) to authenticated;
