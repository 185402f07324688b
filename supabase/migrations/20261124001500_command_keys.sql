-- Every command takes an idempotency key: a repeat answers the first result and does nothing twice. And no command is tried for ever.

/**
 * The first result of a key, marked replayed, or null when it is new (or null itself): then the caller does its work and calls
 * remember_result in the same transaction. Fails with idempotency_conflict when the key was used for something else. Two first uses
 * of one key wait for each other.
 */
create function private.find_result(p_user_id uuid, p_key text, p_fingerprint text) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_first private.idempotency_keys;
begin
  if p_key is null then
    return null;
  end if;
  if char_length(p_key) not between 1 and 255 then
    perform private.fail(400, 'invalid_request', 'The idempotency key has 1 to 255 characters.');
  end if;
  perform pg_advisory_xact_lock(hashtextextended(p_user_id::text || p_key, 0));
  select * into v_first from private.idempotency_keys where user_id = p_user_id and key = p_key;
  if not found then
    return null;
  end if;
  if v_first.fingerprint <> p_fingerprint then
    perform private.fail(409, 'idempotency_conflict', 'This idempotency key was used for another request.');
  end if;
  return v_first.result || jsonb_build_object('replayed', true);
end
$$;
comment on function private.find_result(uuid, text, text) is 'First result of an idempotency key, or null when it is new.';

/** Keeps the first result of a key; does nothing without one. */
create function private.remember_result(p_user_id uuid, p_key text, p_fingerprint text, p_result jsonb) returns void
  language sql
  set search_path = ''
as $$
  insert into private.idempotency_keys (user_id, key, fingerprint, result)
    select p_user_id, p_key, p_fingerprint, p_result where p_key is not null
$$;
comment on function private.remember_result(uuid, text, text, jsonb) is 'Keeps the first result of an idempotency key.';

/** What tells one request from another: SHA-256 of the function and its arguments. */
create function private.fingerprint(p_request jsonb) returns text
  language sql
  immutable
  set search_path = ''
as $$
  select encode(sha256(convert_to(p_request::text, 'UTF8')), 'hex')
$$;
comment on function private.fingerprint(jsonb) is 'SHA-256 of a request, hexadecimal.';

drop function public.start_conversation(text);
drop function private.start_conversation(text);

/**
 * Asks the host to look a number or JID up on WhatsApp and to open a conversation with it. Answers {command_id} or, when there is one
 * already, {conversation_id}. A look-up of the same JID that is still under way is answered again.
 */
create function private.start_conversation(p_jid text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint(jsonb_build_array('start_conversation', p_jid));
  v_session public.whatsapp_sessions;
  v_conversation uuid;
  v_command bigint;
  v_result jsonb;
begin
  if p_jid is null or p_jid !~ '^[0-9]{5,20}@(s\.whatsapp\.net|lid)$' then
    perform private.fail(400, 'invalid_phone', 'Give a phone number with its country code, or a JID.');
  end if;
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_session from public.whatsapp_sessions where user_id = v_user and is_default;
  if v_session.linked_at is null then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  v_conversation := private.find_conversation(v_user, p_jid);
  if v_conversation is not null
    and exists (select from public.conversations_new where id = v_conversation and session_id = v_session.id) then
    v_result := jsonb_build_object('conversation_id', v_conversation);
  else
    select id into v_command from private.session_commands
      where session_id = v_session.id and lane = 'start:' || p_jid and status in ('queued', 'claimed') order by id limit 1;
    if v_command is null then
      insert into private.session_commands (session_id, user_id, kind, lane, payload)
        values (v_session.id, v_user, 'start_conversation', 'start:' || p_jid, jsonb_build_object('jid', p_jid))
        returning id into v_command;
      perform private.wake_hosts(v_session.id);
    end if;
    v_result := jsonb_build_object('command_id', v_command);
  end if;
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;
comment on function private.start_conversation(text, text) is 'Definer half of public.start_conversation.';

create function public.start_conversation(p_jid text, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.start_conversation(p_jid, p_idempotency_key)
$$;
comment on function public.start_conversation(text, text) is
  'Opens a conversation with a number on WhatsApp. Answers {conversation_id} or {command_id} to ask command_result with. The same idempotency key answers the first result again, with replayed: true.';

alter function private.mark_read(text) rename to mark_read_now;
comment on function private.mark_read_now(text) is 'Marks a conversation of the calling user as read, whatever was done before.';
drop function public.mark_read(text);

/** mark_read_now, once a key: a repeat leaves what arrived meanwhile unread. */
create function private.mark_read(p_conversation text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation uuid := private.find_conversation(v_user, p_conversation);
  v_fingerprint text := private.fingerprint(jsonb_build_array('mark_read', v_conversation));
  v_result jsonb;
begin
  if v_conversation is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is null then
    v_result := private.mark_read_now(v_conversation::text);
    perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  end if;
  return v_result;
end
$$;
comment on function private.mark_read(text, text) is 'Definer half of public.mark_read.';

create function public.mark_read(p_conversation text, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.mark_read(p_conversation, p_idempotency_key)
$$;
comment on function public.mark_read(text, text) is
  'Marks a conversation of yours (uuid or JID) as read. Answers {conversation_id, read}. The same idempotency key answers the first result again, with replayed: true, and marks nothing.';

alter function private.request_link() rename to request_link_now;
comment on function private.request_link_now() is 'Starts linking the calling user''s default session unless it is linked or being linked.';
drop function public.request_link();

/** request_link_now, once a key. */
create function private.request_link(p_idempotency_key text default null) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint('["request_link"]');
  v_result jsonb := private.find_result(v_user, p_idempotency_key, v_fingerprint);
begin
  if v_result is null then
    v_result := private.request_link_now();
    perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  end if;
  return v_result;
end
$$;
comment on function private.request_link(text) is 'Definer half of public.request_link.';

create function public.request_link(p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_link(p_idempotency_key)
$$;
comment on function public.request_link(text) is
  'Starts linking your number unless it is linked or being linked. Answers {session_id, status}; ask link_state for the QR. The same idempotency key answers the first result again, with replayed: true.';

alter function private.request_logout() rename to request_logout_now;
comment on function private.request_logout_now() is 'Unlinks the calling user''s default session.';
drop function public.logout();

/** request_logout_now, once a key: a repeat does not unlink what was linked again meanwhile. */
create function private.request_logout(p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint('["logout"]');
  v_result jsonb := private.find_result(v_user, p_idempotency_key, v_fingerprint);
begin
  if v_result is null then
    v_result := private.request_logout_now();
    perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  end if;
  return v_result;
end
$$;
comment on function private.request_logout(text) is 'Definer half of public.logout.';

create function public.logout(p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_logout(p_idempotency_key)
$$;
comment on function public.logout(text) is
  'Unlinks your number. Conversations stay. Answers {session_id, status}. The same idempotency key answers the first result again, with replayed: true, and unlinks nothing.';

create index session_commands_exhausted_idx on private.session_commands (session_id)
  where status in ('queued', 'claimed') and attempts >= 20;

/**
 * Claims up to p_limit commands that may run now: the head of each lane only, never behind an open one, so nothing overtakes.
 * What an older epoch claimed and did not finish is claimed again, but not for ever: a head that was claimed 20 times, by hosts that
 * then died or failed, is dead, its message failed. The caller holds the lease (assert_lease) in this transaction.
 */
create or replace function private.claim_commands(p_session_id uuid, p_epoch bigint, p_limit integer)
  returns setof private.session_commands
  language plpgsql
  set search_path = ''
as $$
declare
  v_user uuid;
  v_events jsonb;
begin
  if exists (select from private.session_commands
      where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20) then
    with exhausted as (
      update private.session_commands set status = 'dead', error_code = 'send_timeout', finished_at = now()
        where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20
          and (status = 'queued' or claimed_epoch < p_epoch)
        returning user_id, message_id),
    failed as (
      update public.messages_new m set status = 'failed', error_code = 'send_timeout'
        from exhausted e where m.id = e.message_id and m.status = 'pending'
        returning m.user_id, m.id, m.conversation_id, m.ordinal)
    select max(user_id::text)::uuid, jsonb_agg(jsonb_build_object('type', 'message.status', 'data', jsonb_build_object(
        'conversation_id', conversation_id, 'message_id', id, 'status', 'failed', 'error_code', 'send_timeout')) order by ordinal)
      into v_user, v_events from failed;
  end if;
  return query
    with heads as (
      select distinct on (c.lane) c.id, c.status, c.claimed_epoch, c.next_attempt_at
        from private.session_commands c
        where c.session_id = p_session_id and c.status in ('queued', 'claimed')
        order by c.lane, c.id)
    update private.session_commands c set
        status = 'claimed', claimed_epoch = p_epoch, attempts = c.attempts + 1
      from (
        select h.id from heads h
          where (h.status = 'queued' or h.claimed_epoch < p_epoch) and h.next_attempt_at <= now()
          order by h.id limit p_limit) runnable
      where c.id = runnable.id
      returning c.*;
  if v_events is not null then
    perform private.append_events(p_session_id, v_user, v_events);
  end if;
end
$$;
comment on function private.claim_commands(uuid, bigint, integer) is 'Claims the heads of a session''s lanes for a lease epoch.';

revoke all on function
  private.find_result(uuid, text, text), private.remember_result(uuid, text, text, jsonb), private.fingerprint(jsonb),
  private.start_conversation(text, text), public.start_conversation(text, text),
  private.mark_read_now(text), private.mark_read(text, text), public.mark_read(text, text),
  private.request_link_now(), private.request_link(text), public.request_link(text),
  private.request_logout_now(), private.request_logout(text), public.logout(text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function
  private.start_conversation(text, text), private.mark_read(text, text), private.request_link(text),
  private.request_logout(text)
  to authenticated, session_host;
grant execute on function
  public.start_conversation(text, text), public.mark_read(text, text), public.request_link(text), public.logout(text)
  to authenticated;
