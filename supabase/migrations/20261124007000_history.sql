-- History: each chunk that the phone announces is written down before anything is fetched, and is done when its last row is stored.

create table private.history_chunks (
  id uuid primary key default gen_random_uuid(),
  session_id uuid not null,
  user_id uuid not null,
  stanza_key text not null check (char_length(stanza_key) = 64),
  wa_id text not null check (char_length(wa_id) between 1 and 128),
  sync_type text not null check (sync_type in ('initial', 'recent', 'full', 'push_names', 'on_demand', 'other')),
  chunk_order integer,
  progress smallint check (progress between 0 and 100),
  request_id text check (char_length(request_id) <= 128),
  notice bytea,
  status text not null default 'waiting' check (status in ('waiting', 'stored', 'failed')),
  position integer not null default 0 check (position >= 0),
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  error_code text check (error_code ~ '^[a-z0-9_]{1,64}$'),
  conversations integer not null default 0 check (conversations >= 0),
  messages integer not null default 0 check (messages >= 0),
  received_at timestamptz not null default now(),
  finished_at timestamptz,
  unique (session_id, stanza_key),
  check ((status = 'waiting') = (finished_at is null)),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);
comment on table private.history_chunks is 'Chunks of history that the phone has announced since the number was linked: what is still to be fetched, and what came of it.';
comment on column private.history_chunks.id is 'Random id.';
comment on column private.history_chunks.session_id is 'Session.';
comment on column private.history_chunks.user_id is 'Owner.';
comment on column private.history_chunks.stanza_key is 'SHA-256 of the announcing stanza''s sender and id: announced twice, it is kept once.';
comment on column private.history_chunks.wa_id is 'WhatsApp''s id of the announcing message, by which the phone can be asked for the chunk again.';
comment on column private.history_chunks.sync_type is 'What the phone sends: the newest of each chat (initial), the last months (recent), everything (full), names, or what was asked for (on_demand).';
comment on column private.history_chunks.chunk_order is 'Place among the chunks of its kind, as the phone counts.';
comment on column private.history_chunks.progress is 'Percent of its kind that is sent with this chunk, as the phone says.';
comment on column private.history_chunks.request_id is 'Id of the request that it answers.';
comment on column private.history_chunks.notice is 'Where it is and the key that opens it, or the chunk itself; encrypted. Null when it is stored.';
comment on column private.history_chunks.status is 'waiting, stored, or failed for good.';
comment on column private.history_chunks.position is 'Conversations of it that are stored completely; an interrupted import goes on there.';
comment on column private.history_chunks.attempts is 'Failed tries.';
comment on column private.history_chunks.next_attempt_at is 'Not before.';
comment on column private.history_chunks.error_code is 'Why the last try failed.';
comment on column private.history_chunks.conversations is 'Conversations of it that are stored.';
comment on column private.history_chunks.messages is 'Messages that it brought and that were not known before.';
comment on column private.history_chunks.received_at is 'When it was announced.';
comment on column private.history_chunks.finished_at is 'When it became stored or failed.';

create index history_chunks_session_user_idx on private.history_chunks (session_id, user_id);
create index history_chunks_waiting_idx on private.history_chunks (session_id) where status = 'waiting';

alter table private.history_chunks enable row level security;
grant select, insert, update, delete on private.history_chunks to session_host;
create policy "the session host can use history chunks" on private.history_chunks
  for all to session_host using (true) with check (true);

alter table public.whatsapp_sessions
  add column sync_status text check (sync_status in ('waiting', 'importing', 'paused', 'complete', 'incomplete')),
  add column sync_messages integer not null default 0 check (sync_messages >= 0),
  add column sync_chunks integer not null default 0 check (sync_chunks >= 0),
  add column sync_chunks_stored integer not null default 0 check (sync_chunks_stored >= 0),
  add column sync_chunks_failed integer not null default 0 check (sync_chunks_failed >= 0);
comment on column public.whatsapp_sessions.sync_progress is 'Percent of the history that is stored; null before a number was linked. 100 when all of it is.';
comment on column public.whatsapp_sessions.sync_status is 'History since the number was linked: waiting for the phone to send, importing, paused (the phone stopped before the end and may go on), complete, or incomplete (all that came is in, but for chunks that failed).';
comment on column public.whatsapp_sessions.sync_messages is 'Messages that the history brought.';
comment on column public.whatsapp_sessions.sync_chunks is 'Chunks that the phone has announced.';
comment on column public.whatsapp_sessions.sync_chunks_stored is 'Chunks that are stored.';
comment on column public.whatsapp_sessions.sync_chunks_failed is 'Chunks that could not be fetched or read, and that the phone did not send again.';

update public.whatsapp_sessions set sync_status = case when sync_progress = 100 then 'complete' else 'paused' end
  where sync_progress is not null;

alter table public.conversations_new add column history_complete boolean not null default false;
comment on column public.conversations_new.history_complete is 'True when the phone has said that it holds no older messages of this chat: there is nothing left to ask for with request_history.';

/**
 * Counts a session's chunks anew onto its row. Answers the row's state as it is then, and whether it changed: {changed, status,
 * progress, messages, chunks, chunks_stored, chunks_failed}. The caller holds the lease and appends history.status.
 */
create function private.refresh_sync(p_session_id uuid, p_paused boolean default false) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_before public.whatsapp_sessions;
  v_after public.whatsapp_sessions;
  v_count record;
begin
  select * into v_before from public.whatsapp_sessions where id = p_session_id for no key update;
  select count(*) as chunks, count(*) filter (where status = 'stored') as stored,
      count(*) filter (where status = 'failed') as failed, count(*) filter (where status = 'waiting') as waiting,
      coalesce(sum(messages), 0) as messages,
      max(progress) filter (where sync_type in ('initial', 'recent', 'full') and status = 'stored') as progress,
      -- The phone is done when the last part of the older messages says so; the first part and the names do not.
      coalesce(bool_or(progress = 100 and sync_type = 'recent'), false)
        and coalesce(bool_or(progress = 100) filter (where sync_type = 'full'), true) as is_all
    into v_count
    from private.history_chunks where session_id = p_session_id and sync_type <> 'on_demand';
  v_after := v_before;
  v_after.sync_status := case
    when v_count.chunks = 0 then case when p_paused then 'paused' else coalesce(v_before.sync_status, 'waiting') end
    when v_count.waiting > 0 then 'importing'
    when v_count.is_all then case when v_count.failed > 0 then 'incomplete' else 'complete' end
    when p_paused then 'paused'
    else 'importing' end;
  v_after.sync_progress := case
    when v_after.sync_status in ('complete', 'incomplete') then 100
    else least(99, greatest(coalesce(v_count.progress, 0), coalesce(v_before.sync_progress, 0))) end;
  v_after.sync_messages := v_count.messages;
  v_after.sync_chunks := v_count.chunks;
  v_after.sync_chunks_stored := v_count.stored;
  v_after.sync_chunks_failed := v_count.failed;
  if v_after is distinct from v_before then
    update public.whatsapp_sessions set
        sync_status = v_after.sync_status, sync_progress = v_after.sync_progress, sync_messages = v_after.sync_messages,
        sync_chunks = v_after.sync_chunks, sync_chunks_stored = v_after.sync_chunks_stored,
        sync_chunks_failed = v_after.sync_chunks_failed
      where id = p_session_id;
  end if;
  return jsonb_build_object(
    'changed', v_after is distinct from v_before, 'status', v_after.sync_status, 'progress', v_after.sync_progress,
    'messages', v_after.sync_messages, 'chunks', v_after.sync_chunks, 'chunks_stored', v_after.sync_chunks_stored,
    'chunks_failed', v_after.sync_chunks_failed);
end
$$;
comment on function private.refresh_sync(uuid, boolean) is 'Counts a session''s history chunks onto its row and answers how far it is.';

/** How far the history of the calling user's default session is: {sync_status, sync_messages, sync_chunks, sync_chunks_stored, sync_chunks_failed}. */
create function private.sync_state() returns jsonb
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce((
    select jsonb_build_object(
        'sync_status', s.sync_status, 'sync_messages', s.sync_messages, 'sync_chunks', s.sync_chunks,
        'sync_chunks_stored', s.sync_chunks_stored, 'sync_chunks_failed', s.sync_chunks_failed)
      from public.whatsapp_sessions s where s.user_id = private.require_user() and s.is_default), '{}')
$$;
comment on function private.sync_state() is 'How far the history of the calling user''s default session is.';

create or replace function public.link_state() returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.link_state() || private.sync_state()
$$;

alter table private.session_commands drop constraint session_commands_kind_check;
alter table private.session_commands add constraint session_commands_kind_check check (kind ~ '^[a-z][a-z_]{0,39}$');

/**
 * Asks the phone for older messages of a conversation of the calling user than the oldest that is stored. Answers {command_id}; the
 * messages come with a history.imported event that names the conversation. When the phone has said that there are no older ones it
 * fails with history_complete. A request for the same conversation that is still under way is answered again.
 */
create function private.request_history(p_conversation text, p_count integer, p_idempotency_key text) returns jsonb
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
comment on function private.request_history(text, integer, text) is 'Definer half of public.request_history.';

create function public.request_history(p_conversation text, p_count integer default 50, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_history(p_conversation, p_count, p_idempotency_key)
$$;
comment on function public.request_history(text, integer, text) is
  'Asks the phone for older messages of a conversation of yours (uuid or JID) than the oldest that is stored, 1 to 500. Answers {command_id} to ask command_result with; they come with a history.imported event. Fails with history_complete when the phone has said that there are none.';

revoke all on function
  private.refresh_sync(uuid, boolean), private.sync_state(), private.request_history(text, integer, text),
  public.request_history(text, integer, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.refresh_sync(uuid, boolean) to session_host;
grant execute on function private.sync_state(), private.request_history(text, integer, text) to authenticated, session_host;
grant execute on function public.request_history(text, integer, text) to authenticated;
