-- Commands: what a user asks WhatsApp to do. Submitted in one transaction with what it changes, claimed in order by the host.

create table private.session_commands (
  id bigint generated always as identity primary key,
  session_id uuid not null,
  user_id uuid not null,
  kind text not null check (kind in ('send_message', 'start_conversation', 'mark_read', 'logout')),
  lane text not null,
  conversation_id uuid,
  message_id uuid,
  payload jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  status text not null default 'queued' check (status in ('queued', 'claimed', 'done', 'dead')),
  claimed_epoch bigint,
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  result jsonb,
  error_code text check (error_code ~ '^[a-z0-9_]{1,64}$'),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade,
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade,
  foreign key (message_id, user_id) references public.messages_new (id, user_id) on delete cascade
);
comment on table private.session_commands is 'Outbox of each session. Only the head of a lane is claimed, so a conversation''s messages leave in order.';
comment on column private.session_commands.id is 'Order of submission.';
comment on column private.session_commands.session_id is 'Session that carries it out.';
comment on column private.session_commands.user_id is 'Who asked.';
comment on column private.session_commands.kind is 'What to do.';
comment on column private.session_commands.lane is 'Commands of one lane run one after another: a conversation''s id, or session.';
comment on column private.session_commands.conversation_id is 'Conversation it is about.';
comment on column private.session_commands.message_id is 'Message to send.';
comment on column private.session_commands.payload is 'Arguments: ids and numbers, no message text.';
comment on column private.session_commands.status is 'queued, claimed by a lease epoch, done, or dead (failed for good).';
comment on column private.session_commands.claimed_epoch is 'Epoch that claimed it; a newer epoch may claim it again.';
comment on column private.session_commands.attempts is 'How often it was claimed.';
comment on column private.session_commands.next_attempt_at is 'Not before.';
comment on column private.session_commands.result is 'What came out: ids only.';
comment on column private.session_commands.error_code is 'Why it is dead, a code of the error table.';
comment on column private.session_commands.created_at is 'When it was submitted.';
comment on column private.session_commands.finished_at is 'When it became done or dead.';

create index session_commands_open_idx on private.session_commands (session_id, lane, id)
  where status in ('queued', 'claimed');
create index session_commands_session_user_idx on private.session_commands (session_id, user_id);
create index session_commands_conversation_idx on private.session_commands (conversation_id, user_id);
create index session_commands_message_idx on private.session_commands (message_id, user_id);

create table private.idempotency_keys (
  user_id uuid not null references auth.users (id) on delete cascade,
  key text not null check (char_length(key) between 1 and 255),
  fingerprint text not null,
  result jsonb not null,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
comment on table private.idempotency_keys is 'First result of each idempotency key, so that a repeat does nothing twice.';
comment on column private.idempotency_keys.user_id is 'Who used it.';
comment on column private.idempotency_keys.key is 'The key, 1 to 255 characters.';
comment on column private.idempotency_keys.fingerprint is 'SHA-256 of the request it was used for.';
comment on column private.idempotency_keys.result is 'Ids of the first result.';
comment on column private.idempotency_keys.created_at is 'When it was first used.';

alter table private.session_commands enable row level security;
alter table private.idempotency_keys enable row level security;
grant select, insert, update on private.session_commands to session_host;
create policy "the session host can carry out commands" on private.session_commands
  for all to session_host using (true) with check (true);

/** What a submission answers: the message as its owner may see it. */
create function private.message_json(p_message public.messages_new) returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select to_jsonb(p_message)
$$;
revoke all on function private.message_json(public.messages_new) from public;

/**
 * Queues a text for a conversation of the calling user: message row (pending), event and command in one transaction; the
 * WhatsApp id is chosen here, so every retry carries the same one. The same key with the same body answers the first message
 * again ({replayed: true}); with another body it fails with idempotency_conflict.
 */
create function private.submit_message(
  p_conversation text, p_text text, p_idempotency_key text, p_reply_to uuid, p_sender_type text
) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
  v_session public.whatsapp_sessions;
  v_message public.messages_new;
  v_fingerprint text;
  v_first private.idempotency_keys;
  v_reply text;
begin
  if p_text is null or btrim(p_text, E' \t\r\n') = '' then
    perform private.fail(400, 'empty_text', 'The text is empty.');
  end if;
  if char_length(p_text) > 65536 then
    perform private.fail(400, 'text_too_long', 'The text is longer than 65,536 characters.');
  end if;
  if p_sender_type not in ('user', 'ai') then
    perform private.fail(400, 'invalid_request', 'sender_type is user or ai.');
  end if;
  if p_idempotency_key is not null and char_length(p_idempotency_key) not between 1 and 255 then
    perform private.fail(400, 'invalid_request', 'The idempotency key has 1 to 255 characters.');
  end if;

  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(v_user, p_conversation) and user_id = v_user;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;

  if p_idempotency_key is not null then
    v_fingerprint := encode(sha256(convert_to(jsonb_build_array(
      'submit_message', v_conversation.id, p_text, p_reply_to, p_sender_type)::text, 'UTF8')), 'hex');
    -- Serialises two first uses of one key; the second then finds the first's row.
    perform pg_advisory_xact_lock(hashtextextended(v_user::text || p_idempotency_key, 0));
    select * into v_first from private.idempotency_keys where user_id = v_user and key = p_idempotency_key;
    if found then
      if v_first.fingerprint <> v_fingerprint then
        perform private.fail(409, 'idempotency_conflict', 'This idempotency key was used for another request.');
      end if;
      select * into v_message from public.messages_new
        where id = (v_first.result ->> 'message_id')::uuid and user_id = v_user;
      if v_message.id is null then
        perform private.fail(404, 'message_not_found', 'The message of this idempotency key no longer exists.');
      end if;
      return jsonb_build_object('message', private.message_json(v_message), 'replayed', true);
    end if;
  end if;

  if p_reply_to is not null then
    select wa_id into v_reply from public.messages_new
      where id = p_reply_to and user_id = v_user and conversation_id = v_conversation.id;
    if v_reply is null then
      perform private.fail(404, 'message_not_found', 'The message to answer was not found in this conversation.');
    end if;
  end if;

  select * into v_session from public.whatsapp_sessions where id = v_conversation.session_id;
  if v_session.linked_at is null then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;

  insert into public.messages_new (
      conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status,
      wa_id, reply_to_wa_id, created_at)
    values (
      v_conversation.id, v_user, v_conversation.session_id, p_sender_type, 'text', p_text, true, 'pending',
      -- The form of WhatsApp Web's own ids: 3EB0 and 18 hexadecimal digits.
      '3EB0' || upper(substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 18)),
      v_reply,
      -- Whole seconds as WhatsApp's own times, so that the ordinal orders it among what arrives in the same second.
      date_trunc('second', now()))
    returning * into v_message;

  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, message_id)
    values (v_conversation.session_id, v_user, 'send_message', v_conversation.id::text, v_conversation.id, v_message.id);

  perform private.note_last_message(v_message);

  if p_idempotency_key is not null then
    insert into private.idempotency_keys (user_id, key, fingerprint, result)
      values (v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_id', v_message.id));
  end if;

  perform private.append_events(v_conversation.session_id, v_user, jsonb_build_array(jsonb_build_object(
    'type', 'message.created',
    'data', jsonb_build_object('conversation_id', v_conversation.id, 'message_id', v_message.id, 'from_me', true))));
  perform private.wake_hosts(v_conversation.session_id);
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', false);
end
$$;

/** Puts a message on its conversation's row when it is the newest there. */
create function private.note_last_message(p_message public.messages_new) returns void
  language sql
  set search_path = ''
as $$
  update public.conversations_new c set
      last_message_at = p_message.created_at,
      last_message_id = p_message.id,
      last_message_ordinal = p_message.ordinal,
      last_message_text = left(p_message.text_content, 200),
      last_message_type = p_message.message_type,
      last_message_from_me = p_message.from_me
    where c.id = p_message.conversation_id
      and (c.last_message_at is null
        or (p_message.created_at, p_message.ordinal) > (c.last_message_at, coalesce(c.last_message_ordinal, 0)))
$$;

create function public.submit_message(
  p_conversation text, p_text text, p_idempotency_key text default null, p_reply_to uuid default null,
  p_sender_type text default 'user'
) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.submit_message(p_conversation, p_text, p_idempotency_key, p_reply_to, p_sender_type)
$$;
comment on function public.submit_message(text, text, text, uuid, text) is
  'Queues a text for one of your conversations (uuid or JID). Answers {message, replayed}; the message is pending until WhatsApp''s server acknowledges it.';

/** Asks the host to look a number or JID up on WhatsApp and to open a conversation with it. Answers {command_id} or, when there is one already, {conversation_id}. */
create function private.start_conversation(p_jid text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_session public.whatsapp_sessions;
  v_conversation uuid;
  v_command bigint;
begin
  if p_jid is null or p_jid !~ '^[0-9]{5,20}@(s\.whatsapp\.net|lid)$' then
    perform private.fail(400, 'invalid_phone', 'Give a phone number with its country code, or a JID.');
  end if;
  select * into v_session from public.whatsapp_sessions where user_id = v_user and is_default;
  if v_session.linked_at is null then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  v_conversation := private.find_conversation(v_user, p_jid);
  if v_conversation is not null
    and exists (select from public.conversations_new where id = v_conversation and session_id = v_session.id) then
    return jsonb_build_object('conversation_id', v_conversation);
  end if;
  insert into private.session_commands (session_id, user_id, kind, lane, payload)
    values (v_session.id, v_user, 'start_conversation', 'start:' || p_jid, jsonb_build_object('jid', p_jid))
    returning id into v_command;
  perform private.wake_hosts(v_session.id);
  return jsonb_build_object('command_id', v_command);
end
$$;

create function public.start_conversation(p_jid text) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.start_conversation(p_jid)
$$;
comment on function public.start_conversation(text) is
  'Opens a conversation with a number on WhatsApp. Answers {conversation_id} or {command_id} to ask command_result with.';

/** How a command of the calling user stands: {status, result, error_code}; not found for anybody else's. */
create function private.command_result(p_command_id bigint) returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_command private.session_commands;
begin
  select * into v_command from private.session_commands where id = p_command_id and user_id = v_user;
  if v_command.id is null then
    perform private.fail(404, 'not_found', 'Not found.');
  end if;
  return jsonb_build_object('status', v_command.status, 'result', v_command.result, 'error_code', v_command.error_code);
end
$$;

create function public.command_result(p_command_id bigint) returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.command_result(p_command_id)
$$;
comment on function public.command_result(bigint) is 'How a command of yours stands: {status, result, error_code}.';

/** Marks everything received in a conversation of the calling user as read, here and (by a command) on WhatsApp. Answers {conversation_id, read}. */
create function private.mark_read(p_conversation text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
  v_read jsonb;
begin
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(v_user, p_conversation) and user_id = v_user;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  -- The conversation row first: the host's projection takes it before message rows, too.
  perform from public.conversations_new where id = v_conversation.id for update;
  with read as (
    update public.messages_new set status = 'read'
      where conversation_id = v_conversation.id and status = 'received'
      returning id, ordinal)
  -- WhatsApp shows "read" up to the newest, so a bounded tail is enough for the receipts.
  select coalesce(jsonb_agg(id order by ordinal desc), '[]') into v_read
    from (select id, ordinal from read order by ordinal desc limit 500) newest;
  if jsonb_array_length(v_read) = 0 and v_conversation.unread_count = 0 then
    return jsonb_build_object('conversation_id', v_conversation.id, 'read', 0);
  end if;
  update public.conversations_new set unread_count = 0 where id = v_conversation.id;
  if jsonb_array_length(v_read) > 0 then
    insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
      values (v_conversation.session_id, v_user, 'mark_read', 'read:' || v_conversation.id, v_conversation.id,
        jsonb_build_object('message_ids', v_read));
  end if;
  perform private.append_events(v_conversation.session_id, v_user, jsonb_build_array(jsonb_build_object(
    'type', 'conversation.updated', 'data', jsonb_build_object('conversation_id', v_conversation.id, 'unread_count', 0))));
  perform private.wake_hosts(v_conversation.session_id);
  return jsonb_build_object('conversation_id', v_conversation.id, 'read', jsonb_array_length(v_read));
end
$$;

create function public.mark_read(p_conversation text) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.mark_read(p_conversation)
$$;
comment on function public.mark_read(text) is 'Marks a conversation of yours (uuid or JID) as read. Answers {conversation_id, read}.';

/** Makes sure that the calling user's default session is linked or being linked. Answers {session_id, status}. */
create function private.request_link() returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_session public.whatsapp_sessions;
begin
  insert into public.whatsapp_sessions (user_id) values (v_user)
    on conflict (user_id) where is_default do nothing;
  select * into v_session from public.whatsapp_sessions where user_id = v_user and is_default for update;
  if v_session.status in ('unlinked', 'logged_out', 'stopped') then
    update public.whatsapp_sessions set
        desired = 'running',
        status = case when linked_at is null then 'linking' else 'connecting' end,
        status_reason = null,
        status_at = now()
      where id = v_session.id
      returning * into v_session;
    perform private.append_events(v_session.id, v_user, jsonb_build_array(jsonb_build_object(
      'type', 'session.status', 'data', jsonb_build_object('status', v_session.status))));
    perform private.wake_hosts(v_session.id);
  end if;
  return jsonb_build_object('session_id', v_session.id, 'status', v_session.status);
end
$$;

create function public.request_link() returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_link()
$$;
comment on function public.request_link() is 'Starts linking your number unless it is linked or being linked. Answers {session_id, status}; ask link_state for the QR.';

/** The calling user's default session with the QR that is valid now: {session_id, status, status_reason, phone, push_name, linked_at, sync_progress, qr, qr_expires_at}. */
create function private.link_state() returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_state jsonb;
begin
  select jsonb_build_object(
      'session_id', s.id, 'status', s.status, 'status_reason', s.status_reason, 'status_at', s.status_at,
      'phone', s.phone, 'push_name', s.push_name, 'linked_at', s.linked_at, 'sync_progress', s.sync_progress,
      'qr', l.qr, 'qr_expires_at', l.qr_expires_at)
    into v_state
    from public.whatsapp_sessions s
    left join private.linking_attempts l on l.session_id = s.id and l.qr_expires_at > now()
    where s.user_id = v_user and s.is_default;
  return coalesce(v_state, jsonb_build_object('session_id', null, 'status', 'unlinked', 'qr', null));
end
$$;

create function public.link_state() returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.link_state()
$$;
comment on function public.link_state() is 'Your default session and, while it is being linked, the QR (a PNG data URL) with its expiry.';

/** Unlinks the calling user's default session: the host logs out at WhatsApp and wipes the credentials. Answers {session_id, status}. */
create function private.request_logout() returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_session public.whatsapp_sessions;
begin
  select * into v_session from public.whatsapp_sessions where user_id = v_user and is_default for update;
  if v_session.id is null or v_session.status in ('unlinked', 'logged_out') then
    perform private.fail(409, 'session_not_linked', 'No phone is linked.');
  end if;
  if v_session.linked_at is null then
    -- Only a linking attempt: nothing to tell WhatsApp.
    update public.whatsapp_sessions set desired = 'stopped', status = 'unlinked', status_reason = null, status_at = now()
      where id = v_session.id returning * into v_session;
    perform private.append_events(v_session.id, v_user, jsonb_build_array(jsonb_build_object(
      'type', 'session.status', 'data', jsonb_build_object('status', 'unlinked'))));
  elsif not exists (select from private.session_commands
      where session_id = v_session.id and kind = 'logout' and status in ('queued', 'claimed')) then
    update public.whatsapp_sessions set desired = 'running' where id = v_session.id;
    insert into private.session_commands (session_id, user_id, kind, lane)
      values (v_session.id, v_user, 'logout', 'session');
  end if;
  perform private.wake_hosts(v_session.id);
  return jsonb_build_object('session_id', v_session.id, 'status', v_session.status);
end
$$;

create function public.logout() returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_logout()
$$;
comment on function public.logout() is 'Unlinks your number. Conversations stay. Answers {session_id, status}.';

revoke all on function
  private.submit_message(text, text, text, uuid, text), private.note_last_message(public.messages_new),
  private.start_conversation(text), private.command_result(bigint), private.mark_read(text), private.request_link(),
  private.link_state(), private.request_logout(),
  public.submit_message(text, text, text, uuid, text), public.start_conversation(text), public.command_result(bigint),
  public.mark_read(text), public.request_link(), public.link_state(), public.logout()
  from public, anon, authenticated, service_role;

grant execute on function
  private.submit_message(text, text, text, uuid, text), private.start_conversation(text), private.command_result(bigint),
  private.mark_read(text), private.request_link(), private.link_state(), private.request_logout()
  to authenticated, session_host;
grant execute on function
  public.submit_message(text, text, text, uuid, text), public.start_conversation(text), public.command_result(bigint),
  public.mark_read(text), public.request_link(), public.link_state(), public.logout()
  to authenticated;
grant execute on function private.note_last_message(public.messages_new) to session_host;

/**
 * Claims up to p_limit commands that may run now: the head of each lane only, never behind an open one, so nothing overtakes.
 * What an older epoch claimed and did not finish is claimed again. The caller holds the lease (assert_lease) in this transaction.
 */
create function private.claim_commands(p_session_id uuid, p_epoch bigint, p_limit integer)
  returns setof private.session_commands
  language sql
  set search_path = ''
as $$
  with heads as (
    select distinct on (lane) id, status, claimed_epoch, next_attempt_at
      from private.session_commands
      where session_id = p_session_id and status in ('queued', 'claimed')
      order by lane, id)
  update private.session_commands c set
      status = 'claimed', claimed_epoch = p_epoch, attempts = c.attempts + 1
    from (
      select id from heads
        where (status = 'queued' or claimed_epoch < p_epoch) and next_attempt_at <= now()
        order by id limit p_limit) runnable
    where c.id = runnable.id
    returning c.*
$$;
revoke all on function private.claim_commands(uuid, bigint, integer) from public;
grant execute on function private.claim_commands(uuid, bigint, integer) to session_host;
