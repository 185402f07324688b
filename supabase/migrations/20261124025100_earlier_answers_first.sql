-- A used key is answered as the first time, whatever has become of the message, the group or the time meanwhile. The text of an edit goes
-- with its command, and what waits for a message that never comes does not wait for ever.

/** As before; a used key comes first. */
create or replace function private.react_to_message(p_message uuid, p_emoji text, p_idempotency_key text) returns jsonb
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
  select * into v_message from public.messages_new where id = p_message and user_id = v_user;
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(
    jsonb_build_array('react', v_message.conversation_id, jsonb_build_object('message_id', p_message, 'emoji', p_emoji))));
  if v_first is not null then
    return v_first;
  end if;
  v_message := private.live_message(v_user, p_message);
  v_conversation := private.writable_conversation(v_user, v_message.conversation_id::text);
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

/** As before; a used key comes first. */
create or replace function private.vote(p_message uuid, p_options text[], p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new;
  v_conversation public.conversations_new;
  v_poll jsonb;
  v_selectable integer;
  v_first jsonb;
begin
  select * into v_message from public.messages_new where id = p_message and user_id = v_user;
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(
    jsonb_build_array('vote', v_message.conversation_id, jsonb_build_object('message_id', p_message, 'options', p_options))));
  if v_first is not null then
    return v_first;
  end if;
  v_message := private.live_message(v_user, p_message);
  v_conversation := private.writable_conversation(v_user, v_message.conversation_id::text);
  v_poll := v_message.content -> 'poll';
  v_selectable := (v_poll ->> 'selectable')::integer;
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

/** As before; a used key comes first. */
create or replace function private.set_chat_state(p_conversation text, p_state jsonb, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text;
  v_before public.conversations_new;
  v_after public.conversations_new;
  v_until timestamptz;
  v_result jsonb;
begin
  if jsonb_typeof(p_state) is distinct from 'object' or p_state = '{}'
    or p_state - array['archived', 'pinned', 'muted_until'] <> '{}'
    or coalesce(jsonb_typeof(p_state -> 'archived'), 'boolean') <> 'boolean'
    or coalesce(jsonb_typeof(p_state -> 'pinned'), 'boolean') <> 'boolean'
    or coalesce(jsonb_typeof(p_state -> 'muted_until'), 'null') not in ('null', 'string') then
    perform private.fail(400, 'invalid_request', 'Give archived, pinned (true or false) or muted_until (a time or null).');
  end if;
  begin
    v_until := (p_state ->> 'muted_until')::timestamptz;
  exception when data_exception then
    perform private.fail(400, 'invalid_request', 'muted_until is a time or null.');
  end;
  -- A time that was still to come when the key was used may have passed, and the phone may be unlinked.
  v_fingerprint := private.fingerprint(jsonb_build_array(
    'set_chat_state', private.find_conversation(v_user, p_conversation), p_state));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  if v_until is not null and (v_until <= now() or v_until > '9999-12-31') then
    perform private.fail(400, 'invalid_request', 'muted_until is a time to come, at most 9999-12-31 (for ever).');
  end if;
  v_before := private.lock_linked_conversation(v_user, p_conversation);
  update public.conversations_new c set
      archived = coalesce((p_state ->> 'archived')::boolean, c.archived),
      pinned_at = case when p_state ? 'pinned'
        then case when (p_state ->> 'pinned')::boolean then coalesce(c.pinned_at, date_trunc('second', now())) end else c.pinned_at end,
      muted_until = case when p_state ? 'muted_until' then v_until else c.muted_until end,
      state_at = now()
    where c.id = v_before.id
    returning * into v_after;
  -- Asked for again, it is said again: the phone may not have heard.
  perform private.ask_about_chat(v_after, 'set_chat_state', p_state);
  v_result := jsonb_build_object('conversation_id', v_after.id);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;

/** As before; a used key comes first. */
create or replace function private.group_command(p_conversation text, p_action text, p_arguments jsonb, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_arguments jsonb := private.checked_group_arguments(p_action, coalesce(p_arguments, '{}'));
  v_conversation public.conversations_new;
  v_session uuid;
  v_group public.groups;
  v_role text;
  v_fingerprint text;
  v_result jsonb;
  v_command bigint;
begin
  if p_action not in ('create', 'join') then
    v_conversation := private.writable_conversation(v_user, p_conversation);
  end if;
  -- Whoever left the group by it, or is no admin since, is answered all the same.
  v_fingerprint := private.fingerprint(jsonb_build_array('group_command', v_conversation.id, p_action, v_arguments));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  if p_action in ('create', 'join') then
    select id into v_session from public.whatsapp_sessions where user_id = v_user and is_default and linked_at is not null;
    if v_session is null then
      perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
    end if;
  else
    v_session := v_conversation.session_id;
    if v_conversation.kind <> 'group' then
      perform private.fail(409, 'not_a_group', 'That conversation is not a group.');
    end if;
    if not exists (select from public.whatsapp_sessions where id = v_session and linked_at is not null) then
      perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
    end if;
    select * into v_group from public.groups where conversation_id = v_conversation.id;
    select max(role) into v_role from public.group_participants
      where conversation_id = v_conversation.id and jid = any (private.own_jids(v_session));
    if v_group.left_at is not null or v_role is null
      and exists (select from public.group_participants where conversation_id = v_conversation.id) then
      perform private.fail(409, 'not_in_group', 'You are not in that group.');
    end if;
    if v_role = 'member' and (p_action in ('remove', 'promote', 'demote', 'revoke_invite')
      or v_arguments ?| array['onlyAdminsSend', 'onlyAdminsEdit', 'onlyAdminsAdd', 'joinApproval']
      or p_action = 'update' and coalesce(v_group.only_admins_edit, false)) then
      perform private.fail(403, 'group_admins_only', 'Only admins may do that in this group.');
    end if;
  end if;
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
    values (v_session, v_user, 'group', coalesce(v_conversation.id::text, 'groups'), v_conversation.id,
      v_arguments || jsonb_build_object('action', p_action))
    returning id into v_command;
  v_result := jsonb_build_object('command_id', v_command);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  perform private.wake_hosts(v_session);
  return v_result;
end
$$;

create index early_receipts_received_at_idx on private.early_receipts (received_at);
create index early_changes_received_at_idx on private.early_changes (received_at);

/** As before; and receipts (a day) and changes (a week) whose message never came. */
create or replace function private.trim(p_limit integer default 5000)
  returns table (events bigint, commands bigint, idempotency_keys bigint, inbox bigint, sockets bigint, more boolean)
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_receipts bigint;
  v_changes bigint;
begin
  events := private.trim_events(p_limit => p_limit);
  delete from private.session_commands where id in (
    select c.id from private.session_commands c
      where c.status in ('done', 'dead') and c.finished_at < now() - interval '7 days'
      order by c.finished_at limit p_limit for update skip locked);
  get diagnostics commands = row_count;
  delete from private.idempotency_keys k using (
      select i.user_id, i.key from private.idempotency_keys i
        where i.created_at < now() - interval '24 hours'
        order by i.created_at limit p_limit for update skip locked) old
    where k.user_id = old.user_id and k.key = old.key;
  get diagnostics idempotency_keys = row_count;
  delete from private.inbox b using (
      select i.session_id, i.id from private.inbox i
        where i.projected_at is not null and i.projected_at < now() - interval '7 days'
        order by i.projected_at limit p_limit for update skip locked) old
    where b.session_id = old.session_id and b.id = old.id;
  get diagnostics inbox = row_count;
  delete from private.socket_connections where expires_at < now() - interval '1 hour';
  get diagnostics sockets = row_count;
  delete from private.early_receipts where id in (
    select e.id from private.early_receipts e
      where e.received_at < now() - interval '1 day' order by e.received_at limit p_limit for update skip locked);
  get diagnostics v_receipts = row_count;
  delete from private.early_changes where id in (
    select e.id from private.early_changes e
      where e.received_at < now() - interval '7 days' order by e.received_at limit p_limit for update skip locked);
  get diagnostics v_changes = row_count;
  more := greatest(events, commands, idempotency_keys, inbox, v_receipts, v_changes) >= p_limit;
  return next;
end
$$;

/** Trigger: the text of an edit does not outlive its command, however that ends. */
create function private.forget_text() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.payload := new.payload - 'text';
  return new;
end
$$;
comment on function private.forget_text() is 'Trigger: takes the text out of a command that has ended.';
revoke all on function private.forget_text() from public;
create trigger forget_text before update of status on private.session_commands
  for each row when (new.status in ('done', 'dead') and new.payload ? 'text') execute function private.forget_text();
update private.session_commands set payload = payload - 'text' where status in ('done', 'dead') and payload ? 'text';
