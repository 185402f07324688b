-- Two more settings of a group: who may add people, and whether who joins by link waits for an admin.

/** As before, with onlyAdminsAdd and joinApproval. */
create or replace function private.checked_group_arguments(p_action text, p_arguments jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_known constant text[] := case p_action
    when 'create' then array['subject', 'participants']
    when 'update' then array['subject', 'description', 'onlyAdminsSend', 'onlyAdminsEdit', 'onlyAdminsAdd', 'joinApproval', 'picture']
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
  if exists (select from jsonb_each(p_arguments) as a(k, v) where k in ('onlyAdminsSend', 'onlyAdminsEdit', 'onlyAdminsAdd', 'joinApproval') and jsonb_typeof(v) <> 'boolean') then
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

/** As before; the new settings are for admins, too. */
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
      or v_arguments ?| array['onlyAdminsSend', 'onlyAdminsEdit', 'onlyAdminsAdd', 'joinApproval']
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

comment on function public.group_command(text, text, jsonb, text) is
  'Makes (create {subject, participants}), joins (join {code}), changes (update {subject, description, onlyAdminsSend, onlyAdminsEdit, onlyAdminsAdd, joinApproval, picture}; add, remove, promote, demote {participants}), invites to (invite, revoke_invite) or leaves (leave) a group. Answers {command_id} to ask command_result with.';
