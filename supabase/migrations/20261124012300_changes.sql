-- What a user does to messages that are there: edit, delete for everyone, react, vote; and a chat's timer. Each is a command with a
-- WhatsApp id of its own, and takes effect here when WhatsApp's server has taken it.

/**
 * Queues a command on a conversation, once a key. p_payload gets a WhatsApp id of its own, so that every retry carries the same one.
 * Answers {command_id}, and replayed: true for a key that was used.
 */
create function private.enqueue_command(
  p_conversation public.conversations_new, p_kind text, p_payload jsonb, p_idempotency_key text
) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_fingerprint text := private.fingerprint(jsonb_build_array(p_kind, p_conversation.id, p_payload - 'at'));
  v_result jsonb := private.find_result(p_conversation.user_id, p_idempotency_key, v_fingerprint);
  v_command bigint;
begin
  if v_result is not null then
    return v_result;
  end if;
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
    values (p_conversation.session_id, p_conversation.user_id, p_kind, p_conversation.id::text, p_conversation.id,
      p_payload || jsonb_build_object('wa_id', private.new_wa_id()))
    returning id into v_command;
  v_result := jsonb_build_object('command_id', v_command);
  perform private.remember_result(p_conversation.user_id, p_idempotency_key, v_fingerprint, v_result);
  perform private.wake_hosts(p_conversation.session_id);
  return v_result;
end
$$;
comment on function private.enqueue_command(public.conversations_new, text, jsonb, text) is
  'Queues a command on a conversation, once an idempotency key. Answers {command_id}.';

/** A message of a user that can still be acted on; fails with message_not_found. */
create function private.live_message(p_user_id uuid, p_message uuid) returns public.messages_new
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_message public.messages_new;
begin
  select * into v_message from public.messages_new
    where id = p_message and user_id = p_user_id and revoked_at is null and message_type <> 'notice'
      and (expires_at is null or expires_at > now());
  if v_message.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  return v_message;
end
$$;
comment on function private.live_message(uuid, uuid) is 'A message of a user that can still be acted on, or message_not_found.';

create function private.edit_message(p_message uuid, p_text text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new := private.live_message(v_user, p_message);
  v_conversation public.conversations_new := private.writable_conversation(v_user, v_message.conversation_id::text);
begin
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
comment on function private.edit_message(uuid, text, text) is 'Definer half of public.edit_message.';

create function private.delete_message(p_message uuid, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new := private.live_message(v_user, p_message);
  v_conversation public.conversations_new := private.writable_conversation(v_user, v_message.conversation_id::text);
begin
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
comment on function private.delete_message(uuid, text) is 'Definer half of public.delete_message.';

create function private.react_to_message(p_message uuid, p_emoji text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new := private.live_message(v_user, p_message);
  v_conversation public.conversations_new := private.writable_conversation(v_user, v_message.conversation_id::text);
begin
  -- One emoji is a few code points, none of them a letter or blank; null takes the reaction back.
  if p_emoji is not null and (char_length(p_emoji) not between 1 and 32 or p_emoji ~ '[\x01-\x22\x24-\x29\x2b-\x2f\x3a-\xa8]'
      or p_emoji !~ '[^\x01-\x7f]') then
    perform private.fail(400, 'invalid_reaction', 'A reaction is one emoji, or null to take it back.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'react', jsonb_build_object('message_id', v_message.id, 'emoji', p_emoji,
    'at', trunc(extract(epoch from clock_timestamp()) * 1000)), p_idempotency_key);
end
$$;
comment on function private.react_to_message(uuid, text, text) is 'Definer half of public.react_to_message.';

create function private.vote(p_message uuid, p_options text[], p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new := private.live_message(v_user, p_message);
  v_conversation public.conversations_new := private.writable_conversation(v_user, v_message.conversation_id::text);
  v_poll jsonb := v_message.content -> 'poll';
  v_selectable integer := (v_poll ->> 'selectable')::integer;
begin
  if v_message.message_type <> 'poll' or v_poll is null
    or not exists (select from private.message_protos where message_id = v_message.id) and not v_message.from_me then
    perform private.fail(409, 'not_a_poll', 'That message is no poll that can be voted on.');
  end if;
  if p_options is null or exists (select from unnest(p_options) as o(o) where o is null or not v_poll -> 'options' ? o)
    or cardinality(p_options) <> (select count(distinct o) from unnest(p_options) as o(o))
    or v_selectable > 0 and cardinality(p_options) > v_selectable then
    perform private.fail(400, 'invalid_vote', 'Choose options of the poll, each once and not more than it allows; none takes the vote back.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'vote', jsonb_build_object('message_id', v_message.id, 'options', p_options,
    'at', trunc(extract(epoch from clock_timestamp()) * 1000)), p_idempotency_key);
end
$$;
comment on function private.vote(uuid, text[], text) is 'Definer half of public.vote.';

create function private.set_disappearing(p_conversation text, p_seconds integer, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new := private.writable_conversation(v_user, p_conversation);
begin
  -- WhatsApp's own choices: off, 24 hours, 7 days, 90 days.
  if p_seconds is null or p_seconds not in (0, 86400, 604800, 7776000) then
    perform private.fail(400, 'invalid_timer', 'The timer is 0 (off), 86400, 604800 or 7776000 seconds.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'set_disappearing', jsonb_build_object('seconds', p_seconds), p_idempotency_key);
end
$$;
comment on function private.set_disappearing(text, integer, text) is 'Definer half of public.set_disappearing.';

create function public.edit_message(p_message uuid, p_text text, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.edit_message(p_message, p_text, p_idempotency_key) $$;
comment on function public.edit_message(uuid, text, text) is
  'Changes the text of a message that you sent less than 15 minutes ago. Answers {command_id} to ask command_result with.';
create function public.delete_message(p_message uuid, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.delete_message(p_message, p_idempotency_key) $$;
comment on function public.delete_message(uuid, text) is
  'Deletes a message of yours for everyone; as admin of a group, also others''. Answers {command_id} to ask command_result with.';
create function public.react_to_message(p_message uuid, p_emoji text, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.react_to_message(p_message, p_emoji, p_idempotency_key) $$;
comment on function public.react_to_message(uuid, text, text) is
  'Sets your reaction on a message, or takes it back with null. Answers {command_id} to ask command_result with.';
create function public.vote(p_message uuid, p_options text[], p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.vote(p_message, p_options, p_idempotency_key) $$;
comment on function public.vote(uuid, text[], text) is
  'Votes on a poll, in place of an earlier vote of yours. Answers {command_id} to ask command_result with.';
create function public.set_disappearing(p_conversation text, p_seconds integer, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.set_disappearing(p_conversation, p_seconds, p_idempotency_key) $$;
comment on function public.set_disappearing(text, integer, text) is
  'Sets after how many seconds new messages of a conversation disappear, 0 for never. Answers {command_id} to ask command_result with.';

/**
 * WhatsApp's server has taken a change: it takes effect here, its command is done, and the event log says so. Fenced by the lease.
 * A message that is gone meanwhile is nobody's loss.
 */
create function private.finish_change(p_session_id uuid, p_holder uuid, p_epoch bigint, p_command_id bigint) returns void
  language plpgsql
  set search_path = ''
as $$
declare
  v_command private.session_commands;
  v_payload jsonb;
  v_message uuid;
  v_event text := 'message.updated';
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  select * into v_command from private.session_commands
    where id = p_command_id and session_id = p_session_id and status in ('queued', 'claimed') for update;
  if v_command.id is null then
    return;
  end if;
  v_payload := v_command.payload;
  v_message := (v_payload ->> 'message_id')::uuid;
  -- The conversation before its messages, as everybody takes them.
  perform from public.conversations_new where id = v_command.conversation_id for no key update;
  case v_command.kind
    when 'edit_message' then
      update public.messages_new set text_content = v_payload ->> 'text', edited_at = date_trunc('second', now()),
          content = content - array['mentions', 'mentions_everyone', 'preview']
        where id = v_message and session_id = p_session_id and revoked_at is null;
    when 'delete_message' then
      update public.messages_new set text_content = null, content = '{}', revoked_at = date_trunc('second', now())
        where id = v_message and session_id = p_session_id and revoked_at is null;
      delete from private.message_protos where message_id = v_message;
    when 'react' then
      perform private.set_interaction(p_session_id, v_message, jsonb_build_object(
        'type', 'reaction', 'from', 'me', 'at', v_payload -> 'at', 'emoji', v_payload -> 'emoji'));
    when 'vote' then
      perform private.set_interaction(p_session_id, v_message, jsonb_build_object(
        'type', 'poll_vote', 'from', 'me', 'at', v_payload -> 'at', 'options', v_payload -> 'options'));
    when 'set_disappearing' then
      v_event := 'conversation.updated';
      update public.conversations_new set disappearing_seconds = nullif((v_payload ->> 'seconds')::integer, 0)
        where id = v_command.conversation_id;
    else
      raise exception '% is no change', v_command.kind;
  end case;
  if v_message is not null then
    update public.conversations_new c set last_message_text = left(m.text_content, 200)
      from public.messages_new m where m.id = v_message and c.last_message_id = m.id;
  end if;
  update private.session_commands set status = 'done', finished_at = now(), payload = payload - 'text',
      result = jsonb_strip_nulls(jsonb_build_object('message_id', v_message, 'conversation_id', v_command.conversation_id))
    where id = v_command.id;
  perform private.append_events(p_session_id, v_command.user_id, jsonb_build_array(jsonb_build_object(
    'type', v_event, 'data', jsonb_strip_nulls(jsonb_build_object(
      'conversation_id', v_command.conversation_id, 'message_id', v_message)))));
end
$$;
comment on function private.finish_change(uuid, uuid, bigint, bigint) is
  'A change that WhatsApp''s server has taken takes effect, and its command is done. Fenced by the lease.';

revoke all on function
  private.enqueue_command(public.conversations_new, text, jsonb, text), private.live_message(uuid, uuid),
  private.edit_message(uuid, text, text), public.edit_message(uuid, text, text),
  private.delete_message(uuid, text), public.delete_message(uuid, text),
  private.react_to_message(uuid, text, text), public.react_to_message(uuid, text, text),
  private.vote(uuid, text[], text), public.vote(uuid, text[], text),
  private.set_disappearing(text, integer, text), public.set_disappearing(text, integer, text),
  private.finish_change(uuid, uuid, bigint, bigint)
  from public, anon, authenticated, service_role, session_host;
grant execute on function
  private.edit_message(uuid, text, text), private.delete_message(uuid, text), private.react_to_message(uuid, text, text),
  private.vote(uuid, text[], text), private.set_disappearing(text, integer, text)
  to authenticated, session_host;
grant execute on function
  public.edit_message(uuid, text, text), public.delete_message(uuid, text), public.react_to_message(uuid, text, text),
  public.vote(uuid, text[], text), public.set_disappearing(text, integer, text)
  to authenticated;
grant execute on function private.finish_change(uuid, uuid, bigint, bigint) to session_host;
