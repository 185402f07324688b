-- Attachments: files that a user sends, one message each. A path is checked here, as that user; an address is fetched by the host.

create table private.media_sends (
  message_id uuid primary key,
  user_id uuid not null,
  type text check (type in ('image', 'video', 'gif', 'video_note', 'audio', 'voice', 'document', 'sticker')),
  url text check (url ~* '^https?://' and char_length(url) <= 2048),
  file_name text check (char_length(file_name) between 1 and 255),
  foreign key (message_id, user_id) references public.messages_new (id, user_id) on delete cascade
);
comment on table private.media_sends is
  'What a message of ours is to be made of; the file is at its media_url, once an address has been fetched. What left is in private.message_protos.';
comment on column private.media_sends.message_id is 'Message.';
comment on column private.media_sends.user_id is 'Owner.';
comment on column private.media_sends.type is 'What it is to be sent as; null for what the file is.';
comment on column private.media_sends.url is 'Address that it is fetched from.';
comment on column private.media_sends.file_name is 'Name that the user gave.';
create index media_sends_owner_idx on private.media_sends (message_id, user_id);
alter table private.media_sends enable row level security;
grant select, insert, update, delete on private.media_sends to session_host;
create policy "the session host can use what is to be sent" on private.media_sends
  for all to session_host using (true) with check (true);

/**
 * What Storage knows of a file in a user's own folder: {size, mimetype}. Fails with path_not_allowed for a path that is not plainly in
 * it, whether there is such a file or not, and with file_not_found when there is none.
 */
create function private.own_file(p_user_id uuid, p_path text) returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_metadata jsonb;
begin
  if char_length(p_path) > 1024 or not starts_with(p_path, p_user_id::text || '/')
    or p_path ~ '[\x01-\x1f\x7f\\]' or p_path ~ '(^|/)\.{0,2}(/|$)' then
    perform private.fail(403, 'path_not_allowed', 'That file is not in your folder.');
  end if;
  if to_regclass('storage.objects') is not null then
    execute 'select metadata from storage.objects where bucket_id = ''media'' and name = $1' into v_metadata using p_path;
  end if;
  if v_metadata is null then
    perform private.fail(404, 'file_not_found', 'That file does not exist.');
  end if;
  return v_metadata;
end
$$;
comment on function private.own_file(uuid, text) is 'Metadata of a file in a user''s own folder.';

/** The kind of row that a file is likely to become; the host looks at its content. */
create function private.likely_media_type(p_type text, p_mime_type text, p_name text) returns text
  language sql
  immutable
  set search_path = ''
as $$
  select case
    when p_type in ('image', 'document', 'sticker', 'audio', 'video') then p_type
    when p_type in ('gif', 'video_note') then 'video'
    when p_type = 'voice' then 'audio'
    when p_mime_type in ('image/jpeg', 'image/png') or p_name ~* '\.(jpe?g|png)$' then 'image'
    when p_mime_type = 'video/mp4' or p_name ~* '\.mp4$' then 'video'
    when p_mime_type in ('audio/ogg', 'audio/mp4', 'audio/mpeg', 'audio/aac') or p_name ~* '\.(ogg|opus|m4a|mp3|aac)$' then 'audio'
    else 'document' end
$$;
comment on function private.likely_media_type(text, text, text) is 'message_type that an attachment is shown as until the host has seen it.';

/**
 * Queues one message for each attachment [{path | url, type?, fileName?, caption?}], 1 to 30, all or none; the text is the first one's
 * caption. Rows (pending), events and commands are one transaction. Answers {messages, replayed}.
 */
create function private.submit_attachments(
  p_conversation text, p_text text, p_attachments jsonb, p_idempotency_key text, p_reply_to uuid, p_sender_type text
) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
  v_message public.messages_new;
  v_fingerprint text;
  v_result jsonb;
  v_each jsonb;
  v_metadata jsonb;
  v_caption text;
  v_type text;
  v_ids uuid[] := '{}';
begin
  if jsonb_typeof(p_attachments) is distinct from 'array' or jsonb_array_length(p_attachments) not between 1 and 30 then
    perform private.fail(400, 'invalid_attachment', 'Between 1 and 30 attachments are sent at once.');
  end if;
  if char_length(p_text) > 65536 then
    perform private.fail(400, 'text_too_long', 'The text is longer than 65,536 characters.');
  end if;
  v_conversation := private.writable_conversation(v_user, p_conversation);
  v_fingerprint := private.fingerprint(jsonb_build_array(
    'submit_attachments', v_conversation.id, p_text, p_attachments, p_reply_to, p_sender_type));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    select jsonb_build_object('messages', coalesce(jsonb_agg(private.message_json(m) order by m.ordinal), '[]'), 'replayed', true)
      into v_result from public.messages_new m
      where m.user_id = v_user and m.id in (select jsonb_array_elements_text(v_result -> 'message_ids')::uuid);
    if v_result -> 'messages' = '[]' then
      perform private.fail(404, 'message_not_found', 'The messages of this idempotency key no longer exist.');
    end if;
    return v_result;
  end if;
  for v_each in select * from jsonb_array_elements(p_attachments) loop
    if jsonb_typeof(v_each) <> 'object' or v_each - '{path,url,type,fileName,caption}'::text[] <> '{}'
      or exists (select from jsonb_each(v_each) e where jsonb_typeof(e.value) not in ('string', 'null'))
      or (v_each ->> 'path' is null) = (v_each ->> 'url' is null)
      or coalesce(v_each ->> 'type', 'image') not in ('image', 'video', 'gif', 'video_note', 'audio', 'voice', 'document', 'sticker')
      or coalesce(char_length(v_each ->> 'fileName'), 1) not between 1 and 255 then
      perform private.fail(400, 'invalid_attachment', 'An attachment has a path in your folder or a url, and a type that exists.');
    end if;
    v_type := v_each ->> 'type';
    v_caption := nullif(case when v_ids = '{}' then coalesce(nullif(p_text, ''), v_each ->> 'caption') else v_each ->> 'caption' end, '');
    if char_length(v_caption) > 65536 then
      perform private.fail(400, 'text_too_long', 'The text is longer than 65,536 characters.');
    end if;
    if v_caption is not null and v_type in ('audio', 'voice', 'sticker', 'video_note') then
      perform private.fail(400, 'invalid_attachment', 'A sound, a voice or video note and a sticker have no caption.');
    end if;
    if v_each ->> 'url' is not null and (v_each ->> 'url' !~* '^https?://[^/]' or char_length(v_each ->> 'url') > 2048) then
      perform private.fail(400, 'url_not_allowed', 'That address cannot be fetched.');
    end if;
    v_metadata := case when v_each ->> 'path' is null then '{}' else private.own_file(v_user, v_each ->> 'path') end;
    v_message := private.enqueue_message(
      v_conversation,
      private.likely_media_type(v_type, lower(v_metadata ->> 'mimetype'), coalesce(v_each ->> 'fileName', v_each ->> 'path')),
      v_caption,
      case v_type when 'voice' then '{"voice_note": true}' when 'gif' then '{"gif": true}'
        when 'video_note' then '{"video_note": true}' else '{}' end::jsonb,
      case when v_ids = '{}' then p_reply_to end, p_sender_type,
      jsonb_build_object('status', case when v_each ->> 'path' is null then 'pending' else 'stored' end, 'url', v_each ->> 'path',
        'file_name', v_each ->> 'fileName', 'size_bytes', v_metadata -> 'size'));
    insert into private.media_sends (message_id, user_id, type, url, file_name)
      values (v_message.id, v_user, v_type, v_each ->> 'url', v_each ->> 'fileName');
    v_ids := v_ids || v_message.id;
  end loop;
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_ids', to_jsonb(v_ids)));
  select jsonb_build_object('messages', jsonb_agg(private.message_json(m) order by m.ordinal), 'replayed', false)
    into v_result from public.messages_new m where m.id = any(v_ids);
  return v_result;
end
$$;
comment on function private.submit_attachments(text, text, jsonb, text, uuid, text) is 'Definer half of public.submit_attachments.';

create function public.submit_attachments(
  p_conversation text, p_text text, p_attachments jsonb, p_idempotency_key text default null, p_reply_to uuid default null,
  p_sender_type text default 'user'
) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.submit_attachments(p_conversation, p_text, p_attachments, p_idempotency_key, p_reply_to, p_sender_type)
$$;
comment on function public.submit_attachments(text, text, jsonb, text, uuid, text) is
  'Queues files for one of your conversations (uuid or JID), one message each: [{path | url, type?, fileName?, caption?}]. path is a file of the bucket media in your own folder; url is fetched from the internet. type is image, video, gif, video_note, audio, voice, document or sticker; without it, what the file is. p_text is the first one''s caption. Answers {messages, replayed}.';

revoke all on function
  private.own_file(uuid, text), private.likely_media_type(text, text, text),
  private.submit_attachments(text, text, jsonb, text, uuid, text), public.submit_attachments(text, text, jsonb, text, uuid, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.submit_attachments(text, text, jsonb, text, uuid, text) to authenticated, session_host;
grant execute on function public.submit_attachments(text, text, jsonb, text, uuid, text) to authenticated;
