-- What one user may ask for at once: a token bucket for each session and kind of request. Refused with 429 rate_limited.

-- Not logged: after a crash everybody starts with a full bucket.
create unlogged table private.rate_buckets (
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  kind text not null check (kind ~ '^[a-z_]{1,40}$'),
  tokens real not null,
  at timestamptz not null,
  primary key (session_id, kind)
);
comment on table private.rate_buckets is 'What is left of each limit, by session.';
comment on column private.rate_buckets.session_id is 'Session.';
comment on column private.rate_buckets.kind is 'Kind of request.';
comment on column private.rate_buckets.tokens is 'Requests that were left at that time.';
comment on column private.rate_buckets.at is 'When it was counted last.';
alter table private.rate_buckets enable row level security;
grant select, insert, update, delete on private.rate_buckets to session_host;
create policy "the session host can use rate buckets" on private.rate_buckets
  for all to session_host using (true) with check (true);

/** The limits: requests a second for a long time, and at once after a pause. Administrators who want others replace this function. */
create function private.rate_limit(p_kind text) returns table (per_second real, burst integer)
  language sql
  immutable
  set search_path = ''
as $$
  select l.per_second, l.burst
    from (values ('set_presence', 5::real, 50), ('request_media', 20, 200), ('request_history', 2, 50)) as l(kind, per_second, burst)
    where l.kind = p_kind
$$;
comment on function private.rate_limit(text) is
  'How many requests of a kind a session''s owner may make: a second for a long time, and at once. No row: as many as they like.';
revoke all on function private.rate_limit(text) from public;

/** Counts a request of a session's owner; fails with rate_limited when there were too many. A request that fails later does not count. */
create function private.count_request(p_session_id uuid, p_kind text) returns void
  language plpgsql
  set search_path = ''
as $$
declare
  v_limit record;
begin
  select * into v_limit from private.rate_limit(p_kind);
  if not found then
    return;
  end if;
  insert into private.rate_buckets as b (session_id, kind, tokens, at)
    values (p_session_id, p_kind, v_limit.burst - 1, clock_timestamp())
    on conflict (session_id, kind) do update set
        tokens = least(v_limit.burst, b.tokens + greatest(0, extract(epoch from excluded.at - b.at)) * v_limit.per_second) - 1,
        at = greatest(b.at, excluded.at)
      where least(v_limit.burst, b.tokens + greatest(0, extract(epoch from excluded.at - b.at)) * v_limit.per_second) >= 1;
  if not found then
    perform private.fail(429, 'rate_limited', 'Too many requests. Wait a moment.');
  end if;
end
$$;
comment on function private.count_request(uuid, text) is 'Counts a request against its limit; fails with rate_limited.';
revoke all on function private.count_request(uuid, text) from public;

/** As before, within its limit. */
create or replace function private.set_presence(p_state text, p_conversation text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_towards_chat boolean := p_state in ('composing', 'recording', 'paused', 'watch');
  v_conversation public.conversations_new;
  v_session uuid;
  v_address text;
begin
  if p_state is null or p_state not in ('composing', 'recording', 'paused', 'watch', 'available', 'unavailable')
    or v_towards_chat <> (p_conversation is not null) then
    perform private.fail(400, 'invalid_request',
      'The state is composing, recording, paused or watch with a conversation, or available or unavailable without one.');
  end if;
  if v_towards_chat then
    select * into v_conversation from public.conversations_new
      where id = private.find_conversation(v_user, p_conversation) and user_id = v_user;
    if v_conversation.id is null then
      perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
    end if;
    v_session := v_conversation.session_id;
    v_address := coalesce((
      select i.jid from public.contact_identities i where i.contact_id = v_conversation.contact_id
        order by i.kind, i.created_at desc limit 1), v_conversation.external_id);
  else
    v_session := private.default_session(v_user);
  end if;
  if not exists (select from public.whatsapp_sessions s where s.id = v_session and s.linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  perform private.count_request(v_session, 'set_presence');
  perform pg_notify('own_presence', jsonb_build_object('session_id', v_session, 'state', p_state, 'chat', v_address)::text);
  return jsonb_build_object('session_id', v_session, 'conversation_id', v_conversation.id, 'state', p_state);
end
$$;

/** As before, within its limit. */
create or replace function private.request_media(p_message_id uuid, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint(jsonb_build_array('request_media', p_message_id));
  v_result jsonb := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  v_message public.messages_new;
begin
  if v_result is not null then
    return v_result;
  end if;
  select * into v_message from public.messages_new where id = p_message_id and user_id = v_user for update;
  if v_message.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  if v_message.media_status is null or v_message.media_status = 'erased' then
    perform private.fail(404, 'media_not_found', 'The message has no medium.');
  end if;
  if v_message.media_status <> 'stored' then
    if not exists (select from private.message_protos where message_id = v_message.id and user_id = v_user) then
      perform private.fail(410, 'media_expired', 'WhatsApp no longer has this medium.');
    end if;
    perform private.count_request(v_message.session_id, 'request_media');
    insert into private.media_downloads as d (message_id, user_id, session_id, requested)
      values (v_message.id, v_user, v_message.session_id, true)
      on conflict (message_id) do update set requested = true, attempts = 0, asked = 0, next_attempt_at = now();
    if v_message.media_status <> 'pending' then
      update public.messages_new set media_status = 'pending', error_code = null where id = v_message.id;
      v_message.media_status := 'pending';
      perform private.append_events(v_message.session_id, v_user, jsonb_build_array(jsonb_build_object(
        'type', 'message.updated',
        'data', jsonb_build_object('conversation_id', v_message.conversation_id, 'message_id', v_message.id))));
    end if;
    perform private.wake_hosts(v_message.session_id);
  end if;
  v_result := jsonb_build_object('message_id', v_message.id, 'media_status', v_message.media_status);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;

/** As before, within its limit. */
create or replace function private.request_history(p_conversation text, p_count integer, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
  v_oldest uuid;
  v_command bigint;
  v_fingerprint text;
  v_result jsonb;
begin
  if p_count is null or p_count not between 1 and 500 then
    perform private.fail(400, 'invalid_request', 'Ask for 1 to 500 messages.');
  end if;
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(v_user, p_conversation) and user_id = v_user;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  v_fingerprint := private.fingerprint(jsonb_build_array('request_history', v_conversation.id, p_count));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  if v_conversation.history_complete then
    perform private.fail(409, 'history_complete', 'The phone holds no older messages of this conversation.');
  end if;
  perform from public.whatsapp_sessions where id = v_conversation.session_id and linked_at is not null;
  if not found then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  select id into v_oldest from public.messages_new
    where conversation_id = v_conversation.id and user_id = v_user and status <> 'pending' and message_type <> 'notice'
    order by created_at, ordinal limit 1;
  if v_oldest is null then
    perform private.fail(404, 'message_not_found', 'There is no message in this conversation yet that the phone could go back from.');
  end if;
  select id into v_command from private.session_commands
    where session_id = v_conversation.session_id and lane = 'history:' || v_conversation.id and status in ('queued', 'claimed')
    order by id limit 1;
  if v_command is null then
    perform private.count_request(v_conversation.session_id, 'request_history');
    insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
      values (v_conversation.session_id, v_user, 'request_history', 'history:' || v_conversation.id, v_conversation.id,
        jsonb_build_object('count', p_count))
      returning id into v_command;
    perform private.wake_hosts(v_conversation.session_id);
  end if;
  v_result := jsonb_build_object('command_id', v_command);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;
