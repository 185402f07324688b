-- Groups, the writing side, and calls that ring.

/** Whether a JSON value is a list of people's JIDs, at least one and none twice. */
create function private.are_people(p_value jsonb) returns boolean
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(jsonb_typeof(p_value) = 'array' and jsonb_array_length(p_value) between 1 and 1023
    and not exists (select from jsonb_array_elements(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) as p(p)
      where jsonb_typeof(p) <> 'string' or p #>> '{}' !~ '^[0-9]{1,20}@(s\.whatsapp\.net|lid)$')
    and (select count(*) = count(distinct p)
      from jsonb_array_elements_text(case when jsonb_typeof(p_value) = 'array' then p_value else '[]' end) as p(p)), false)
$$;
comment on function private.are_people(jsonb) is 'Whether a JSON value is a list of people''s JIDs.';

/** What is asked of a group as it is kept; fails with invalid_group or invalid_invite. */
create function private.checked_group_arguments(p_action text, p_arguments jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_known constant text[] := case p_action
    when 'create' then array['subject', 'participants']
    when 'update' then array['subject', 'description', 'onlyAdminsSend', 'onlyAdminsEdit', 'picture']
    when 'join' then array['code']
    when 'add' then array['participants'] when 'remove' then array['participants']
    when 'promote' then array['participants'] when 'demote' then array['participants']
    when 'invite' then '{}' when 'revoke_invite' then '{}' when 'leave' then '{}' end;
begin
  if v_known is null then
    perform private.fail(400, 'invalid_group', 'That can''t be done to a group.');
  end if;
  if jsonb_typeof(p_arguments) is distinct from 'object'
    or exists (select from jsonb_object_keys(p_arguments) as k(k) where k <> all (v_known)) then
    perform private.fail(400, 'invalid_group', 'What the request says of the group is not valid.');
  end if;
  if p_action = 'join' and (not private.is_text(p_arguments -> 'code', 64) or p_arguments ->> 'code' !~ '^[A-Za-z0-9_-]{6,64}$') then
    perform private.fail(400, 'invalid_invite', 'That invitation code is not valid.');
  end if;
  if (p_action = 'create' or p_arguments ? 'subject') and not private.is_text(p_arguments -> 'subject', 100) then
    perform private.fail(400, 'invalid_group', 'A group''s subject has 1 to 100 characters.');
  end if;
  if p_arguments ? 'description' and (jsonb_typeof(p_arguments -> 'description') <> 'string'
    or char_length(p_arguments ->> 'description') > 2048) then
    perform private.fail(400, 'invalid_group', 'A group''s description has up to 2,048 characters.');
  end if;
  if p_arguments ? 'participants' or 'participants' = any (v_known) then
    if not private.are_people(p_arguments -> 'participants') then
      perform private.fail(400, 'invalid_group', 'Participants are JIDs of people, each once.');
    end if;
  end if;
  if exists (select from jsonb_each(p_arguments) as a(k, v) where k in ('onlyAdminsSend', 'onlyAdminsEdit') and jsonb_typeof(v) <> 'boolean') then
    perform private.fail(400, 'invalid_group', 'A setting is true or false.');
  end if;
  if p_arguments ? 'picture' and jsonb_typeof(p_arguments -> 'picture') <> 'null' and (not private.is_text(p_arguments -> 'picture', 409600)
    or p_arguments ->> 'picture' !~ '^/9j/[A-Za-z0-9+/]*={0,2}$') then
    perform private.fail(400, 'invalid_group', 'A group''s picture is a JPEG of up to 300 KB, in base64.');
  end if;
  if p_action = 'update' and p_arguments = '{}' then
    perform private.fail(400, 'invalid_group', 'Say what is to be changed.');
  end if;
  return p_arguments;
end
$$;
comment on function private.checked_group_arguments(text, jsonb) is 'What is asked of a group as it is kept, or invalid_group or invalid_invite.';

/**
 * Asks WhatsApp to make, change, join or leave a group of the calling user: p_action create, update, add, remove, promote, demote,
 * invite, revoke_invite, join or leave. Answers {command_id}.
 */
create function private.group_command(p_conversation text, p_action text, p_arguments jsonb, p_idempotency_key text) returns jsonb
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
  if p_action in ('create', 'join') then
    select id into v_session from public.whatsapp_sessions where user_id = v_user and is_default and linked_at is not null;
    if v_session is null then
      perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
    end if;
  else
    v_conversation := private.writable_conversation(v_user, p_conversation);
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
      or v_arguments ?| array['onlyAdminsSend', 'onlyAdminsEdit']
      or p_action = 'update' and coalesce(v_group.only_admins_edit, false)) then
      perform private.fail(403, 'group_admins_only', 'Only admins may do that in this group.');
    end if;
  end if;
  v_fingerprint := private.fingerprint(jsonb_build_array('group_command', v_conversation.id, p_action, v_arguments));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
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
comment on function private.group_command(text, text, jsonb, text) is 'Definer half of public.group_command.';

create function public.group_command(
  p_conversation text, p_action text, p_arguments jsonb default '{}', p_idempotency_key text default null
) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.group_command(p_conversation, p_action, p_arguments, p_idempotency_key) $$;
comment on function public.group_command(text, text, jsonb, text) is
  'Makes (create {subject, participants}), joins (join {code}), changes (update {subject, description, onlyAdminsSend, onlyAdminsEdit, picture}; add, remove, promote, demote {participants}), invites to (invite, revoke_invite) or leaves (leave) a group. Answers {command_id} to ask command_result with.';

-- Calls: only what is needed to say that one rings, to refuse it, and to tell a missed one from an answered one.
create table private.calls (
  session_id uuid not null,
  call_id text not null check (char_length(call_id) between 1 and 128),
  user_id uuid not null,
  conversation_id uuid,
  creator_jid text not null check (char_length(creator_jid) <= 128),
  video boolean not null,
  state text not null default 'ringing' check (state in ('ringing', 'missed', 'answered', 'rejected')),
  at timestamptz not null,
  primary key (session_id, call_id),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade,
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade
);
comment on table private.calls is 'Calls to the account that ring or rang.';
comment on column private.calls.session_id is 'Session.';
comment on column private.calls.call_id is 'WhatsApp''s id of the call.';
comment on column private.calls.user_id is 'Owner.';
comment on column private.calls.conversation_id is 'Conversation with the caller.';
comment on column private.calls.creator_jid is 'Who calls, as WhatsApp names them.';
comment on column private.calls.video is 'Whether it is a video call.';
comment on column private.calls.state is 'ringing; missed; answered on another device; rejected.';
comment on column private.calls.at is 'WhatsApp''s time of the call.';
create index calls_session_user_idx on private.calls (session_id, user_id);
create index calls_conversation_idx on private.calls (conversation_id, user_id);
create index calls_user_id_idx on private.calls (user_id);
alter table private.calls enable row level security;
grant select, insert, update, delete on private.calls to session_host;
create policy "the session host can use calls" on private.calls
  for all to session_host using (true) with check (true);

create function private.reject_call(p_call text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint(jsonb_build_array('reject_call', p_call));
  v_result jsonb := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  v_call private.calls;
  v_command bigint;
begin
  if v_result is not null then
    return v_result;
  end if;
  -- Nobody lets it ring for longer than a minute or two.
  select c.* into v_call from private.calls c
    join public.whatsapp_sessions s on s.id = c.session_id and s.is_default and s.linked_at is not null
    where c.user_id = v_user and c.call_id = p_call and c.state = 'ringing' and c.at > now() - interval '5 minutes';
  if v_call.call_id is null then
    perform private.fail(404, 'call_not_found', 'That call is not ringing any more.');
  end if;
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
    values (v_call.session_id, v_user, 'reject_call', 'call:' || p_call, v_call.conversation_id,
      jsonb_build_object('call_id', p_call, 'creator', v_call.creator_jid))
    returning id into v_command;
  v_result := jsonb_build_object('command_id', v_command);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  perform private.wake_hosts(v_call.session_id);
  return v_result;
end
$$;
comment on function private.reject_call(text, text) is 'Definer half of public.reject_call.';
create function public.reject_call(p_call text, p_idempotency_key text default null) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.reject_call(p_call, p_idempotency_key) $$;
comment on function public.reject_call(text, text) is 'Refuses a call that rings. Answers {command_id} to ask command_result with.';

revoke all on function
  private.are_people(jsonb), private.checked_group_arguments(text, jsonb),
  private.group_command(text, text, jsonb, text), public.group_command(text, text, jsonb, text),
  private.reject_call(text, text), public.reject_call(text, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.group_command(text, text, jsonb, text), private.reject_call(text, text)
  to authenticated, session_host;
grant execute on function public.group_command(text, text, jsonb, text), public.reject_call(text, text) to authenticated;
