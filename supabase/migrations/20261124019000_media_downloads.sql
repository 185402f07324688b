-- Media that are to be fetched from WhatsApp: one row a message, made with the message, gone when its medium is there or given up.

create table private.media_downloads (
  message_id uuid primary key,
  user_id uuid not null,
  session_id uuid not null,
  requested boolean not null default false,
  attempts integer not null default 0 check (attempts >= 0),
  asked integer not null default 0 check (asked >= 0),
  direct_path text check (direct_path ~ '^/[^/]' and char_length(direct_path) <= 2048),
  next_attempt_at timestamptz not null default now(),
  foreign key (message_id, user_id) references public.messages_new (id, user_id) on delete cascade,
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);
comment on table private.media_downloads is
  'Queue of media that a session fetches from WhatsApp. The keys and the place of each are in private.message_protos; when it is given up the message says why in error_code.';
comment on column private.media_downloads.message_id is 'Message whose medium it is.';
comment on column private.media_downloads.user_id is 'Owner.';
comment on column private.media_downloads.session_id is 'Session that fetches it.';
comment on column private.media_downloads.requested is 'Its owner asked for it: fetched also where media are only fetched on request.';
comment on column private.media_downloads.attempts is 'How often it was tried; written before the try, so that one that ends the process does not do so for ever.';
comment on column private.media_downloads.asked is 'How often the phone was asked to upload it again.';
comment on column private.media_downloads.direct_path is 'Where it is now, after the phone has uploaded it again.';
comment on column private.media_downloads.next_attempt_at is 'Not before.';
create index media_downloads_due_idx on private.media_downloads (session_id, next_attempt_at);
create index media_downloads_requested_idx on private.media_downloads (session_id, next_attempt_at) where requested;
create index media_downloads_owner_idx on private.media_downloads (message_id, user_id);
create index media_downloads_session_user_idx on private.media_downloads (session_id, user_id);
alter table private.media_downloads enable row level security;
grant select, insert, update, delete on private.media_downloads to session_host;
create policy "the session host can use the queue of media" on private.media_downloads
  for all to session_host using (true) with check (true);

-- The same file is kept once a user.
create index messages_new_media_sha256_idx on public.messages_new (user_id, media_sha256) where media_status = 'stored';

/**
 * Queues the media of messages that come now. Those of a phone's history are older than the link, many, and mostly gone at WhatsApp:
 * they are fetched when somebody asks for them.
 */
create function private.queue_media() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  insert into private.media_downloads (message_id, user_id, session_id)
    select m.id, m.user_id, m.session_id
      from added a
      join public.messages_new m on m.id = a.message_id and m.user_id = a.user_id
      join public.whatsapp_sessions s on s.id = m.session_id
      where m.media_status = 'pending' and m.status <> 'pending' and m.created_at >= date_trunc('second', s.linked_at)
    on conflict (message_id) do nothing;
  return null;
end
$$;
comment on function private.queue_media() is 'Trigger: queues the media of new messages.';
create trigger queue_media after insert on private.message_protos
  referencing new table as added for each statement execute function private.queue_media();

/**
 * Asks for the medium of a message of the calling user, also after it was given up: it is fetched as soon as the session is connected.
 * Answers {message_id, media_status, replayed?}; a medium that is there already is not fetched again.
 */
create function private.request_media(p_message_id uuid, p_idempotency_key text) returns jsonb
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
comment on function private.request_media(uuid, text) is 'Definer half of public.request_media.';

create function public.request_media(p_message_id uuid, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_media(p_message_id, p_idempotency_key)
$$;
comment on function public.request_media(uuid, text) is
  'Asks for the medium of a message of yours that is not there (media_status pending, failed, expired). Answers {message_id, media_status}; the event message.updated says when it is stored. The same idempotency key answers the first result again, with replayed: true.';

revoke all on function private.queue_media(), private.request_media(uuid, text), public.request_media(uuid, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.request_media(uuid, text) to authenticated, session_host;
grant execute on function public.request_media(uuid, text) to authenticated;
