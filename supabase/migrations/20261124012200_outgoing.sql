-- One way out: every message that a user sends is checked, stored and queued by the same function, whatever its kind.

alter table private.session_commands drop constraint if exists session_commands_kind_check;
alter table private.session_commands add constraint session_commands_kind_check check (kind ~ '^[a-z][a-z_]{0,39}$');
comment on column private.session_commands.payload is
  'Arguments: ids and numbers. The text of an edit stands here until it is done, and no longer.';

/** The JIDs of a session's own account. */
create function private.own_jids(p_session_id uuid) returns text[]
  language sql
  stable
  set search_path = ''
as $$
  select array_remove(array[s.phone || '@s.whatsapp.net', s.lid || '@lid'], null) from public.whatsapp_sessions s where s.id = p_session_id
$$;
comment on function private.own_jids(uuid) is 'The JIDs of a session''s own account.';

/** The caller's conversation by uuid or JID, of a linked session; fails with conversation_not_found or session_not_linked. */
create function private.writable_conversation(p_user_id uuid, p_conversation text) returns public.conversations_new
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_conversation public.conversations_new;
begin
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(p_user_id, p_conversation) and user_id = p_user_id;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  return v_conversation;
end
$$;
comment on function private.writable_conversation(uuid, text) is 'A user''s conversation, or conversation_not_found.';

/** Fails unless the account may write there: linked, and in a group a member that may speak. */
create function private.assert_may_write(p_conversation public.conversations_new) returns void
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_group public.groups;
  v_role text;
begin
  if not exists (select from public.whatsapp_sessions where id = p_conversation.session_id and linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  if p_conversation.kind <> 'group' then
    return;
  end if;
  select * into v_group from public.groups where conversation_id = p_conversation.id;
  select max(role) into v_role from public.group_participants
    where conversation_id = p_conversation.id and jid = any (private.own_jids(p_conversation.session_id));
  -- What is not known yet is WhatsApp's to refuse.
  if v_group.left_at is not null or v_role is null
    and exists (select from public.group_participants where conversation_id = p_conversation.id) then
    perform private.fail(409, 'not_in_group', 'You are not in that group.');
  end if;
  if v_group.only_admins_send and v_role = 'member' then
    perform private.fail(403, 'group_admins_only', 'Only admins may do that in this group.');
  end if;
end
$$;
comment on function private.assert_may_write(public.conversations_new) is 'Fails unless the account may write in the conversation.';

/** WhatsApp Web's own form of message ids: 3EB0 and 18 hexadecimal digits. */
create function private.new_wa_id() returns text
  language plpgsql
  volatile
  set search_path = ''
as $$
begin
  return '3EB0' || upper(substr(encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'), 1, 18));
end
$$;
comment on function private.new_wa_id() is 'A new WhatsApp message id.';

/**
 * Stores an outgoing message (pending), its command and its event, and wakes the host. WhatsApp's id is chosen here, so that every retry
 * carries the same one. The caller has checked type, text and content. p_media holds the media_* columns without their prefix, and url.
 */
create function private.enqueue_message(
  p_conversation public.conversations_new, p_type text, p_text text, p_content jsonb, p_reply_to uuid, p_sender_type text,
  p_media jsonb default null
) returns public.messages_new
  language plpgsql
  set search_path = ''
as $$
declare
  v_message public.messages_new;
  v_quoted public.messages_new;
  v_content jsonb := coalesce(p_content, '{}');
  v_timer integer := p_conversation.disappearing_seconds;
begin
  if p_sender_type is null or p_sender_type not in ('user', 'ai') then
    perform private.fail(400, 'invalid_request', 'sender_type is user or ai.');
  end if;
  if p_reply_to is not null then
    select * into v_quoted from public.messages_new
      where id = p_reply_to and user_id = p_conversation.user_id and conversation_id = p_conversation.id
        and revoked_at is null and message_type <> 'notice' and (expires_at is null or expires_at > now());
    if v_quoted.id is null then
      perform private.fail(404, 'message_not_found', 'The message to answer was not found in this conversation.');
    end if;
    v_content := v_content || jsonb_build_object('quote', jsonb_strip_nulls(jsonb_build_object(
      'wa_id', v_quoted.wa_id, 'sender_jid', v_quoted.sender_jid, 'message_type', v_quoted.message_type))
      || jsonb_build_object('text', left(v_quoted.text_content, 1024)));
  end if;
  perform private.assert_may_write(p_conversation);
  if v_timer is null and p_conversation.kind = 'group' then
    select disappearing_seconds into v_timer from public.groups where conversation_id = p_conversation.id;
  end if;
  if v_timer is not null then
    v_content := v_content || jsonb_build_object('ephemeral_seconds', v_timer);
  end if;

  insert into public.messages_new (
      conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, reply_to_wa_id,
      -- Whole seconds as WhatsApp's own times, so that the ordinal orders it among what arrives in the same second.
      created_at, content, expires_at, media_status, media_url, media_mime_type, media_size_bytes, media_sha256,
      media_duration_seconds, media_width, media_height, media_file_name, media_waveform)
    select p_conversation.id, p_conversation.user_id, p_conversation.session_id, p_sender_type, p_type, p_text, true, 'pending',
        private.new_wa_id(), v_quoted.wa_id, date_trunc('second', now()), v_content,
        date_trunc('second', now()) + make_interval(secs => v_timer), f.status, f.url, f.mime_type, f.size_bytes, f.sha256,
        f.duration_seconds, f.width, f.height, f.file_name, f.waveform
      from jsonb_to_record(coalesce(p_media, '{}')) as f(
        status text, url text, mime_type text, size_bytes bigint, sha256 text, duration_seconds real, width integer,
        height integer, file_name text, waveform smallint[])
    returning * into v_message;
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, message_id)
    values (v_message.session_id, v_message.user_id, 'send_message', v_message.conversation_id::text, v_message.conversation_id,
      v_message.id);
  perform private.note_last_message(v_message);
  perform private.append_events(v_message.session_id, v_message.user_id, jsonb_build_array(jsonb_build_object(
    'type', 'message.created',
    'data', jsonb_build_object('conversation_id', v_message.conversation_id, 'message_id', v_message.id, 'from_me', true))));
  perform private.wake_hosts(v_message.session_id);
  return v_message;
end
$$;
comment on function private.enqueue_message(public.conversations_new, text, text, jsonb, uuid, text, jsonb) is
  'Stores an outgoing message with its command and event, and wakes the host.';

/** Fails unless a text may be sent: not blank, and no longer than WhatsApp takes. */
create function private.check_text(p_text text) returns void
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  if p_text is null or btrim(p_text, E' \t\r\n') = '' then
    perform private.fail(400, 'empty_text', 'The text is empty.');
  end if;
  if char_length(p_text) > 65536 then
    perform private.fail(400, 'text_too_long', 'The text is longer than 65,536 characters.');
  end if;
end
$$;
comment on function private.check_text(text) is 'Fails with empty_text or text_too_long unless a text may be sent.';

/** The first message of an idempotency key as {message, replayed: true}; null when the key is new. */
create function private.find_sent(p_user_id uuid, p_key text, p_fingerprint text) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_first jsonb := private.find_result(p_user_id, p_key, p_fingerprint);
  v_message public.messages_new;
begin
  if v_first is null then
    return null;
  end if;
  select * into v_message from public.messages_new where id = (v_first ->> 'message_id')::uuid and user_id = p_user_id;
  if v_message.id is null then
    perform private.fail(404, 'message_not_found', 'The message of this idempotency key no longer exists.');
  end if;
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', true);
end
$$;
comment on function private.find_sent(uuid, text, text) is 'The first message of an idempotency key, or null.';

create or replace function private.submit_message(
  p_conversation text, p_text text, p_idempotency_key text, p_reply_to uuid, p_sender_type text
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
  v_first jsonb;
begin
  perform private.check_text(p_text);
  v_conversation := private.writable_conversation(v_user, p_conversation);
  if p_idempotency_key is not null then
    v_fingerprint := private.fingerprint(
      jsonb_build_array('submit_message', v_conversation.id, p_text, p_reply_to, p_sender_type));
    v_first := private.find_sent(v_user, p_idempotency_key, v_fingerprint);
    if v_first is not null then
      return v_first;
    end if;
  end if;
  v_message := private.enqueue_message(v_conversation, 'text', p_text, '{}', p_reply_to, p_sender_type);
  perform private.remember_result(
    v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_id', v_message.id));
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', false);
end
$$;

/** Whether a JSON value is a text of so many characters, at least one of them no blank. */
create function private.is_text(p_value jsonb, p_longest integer) returns boolean
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(jsonb_typeof(p_value) = 'string' and btrim(p_value #>> '{}', E' \t\r\n') <> ''
    and char_length(p_value #>> '{}') <= p_longest, false)
$$;
comment on function private.is_text(jsonb, integer) is 'Whether a JSON value is a text that is neither blank nor too long.';

/** A place as it is kept, or invalid_location. */
create function private.checked_location(p_place jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  if jsonb_typeof(p_place) is distinct from 'object'
    or jsonb_typeof(p_place -> 'latitude') is distinct from 'number'
    or jsonb_typeof(p_place -> 'longitude') is distinct from 'number'
    or (p_place ->> 'latitude')::numeric not between -90 and 90
    or (p_place ->> 'longitude')::numeric not between -180 and 180
    or (p_place ->> 'name' is not null and not private.is_text(p_place -> 'name', 1024))
    or (p_place ->> 'address' is not null and not private.is_text(p_place -> 'address', 1024)) then
    perform private.fail(400, 'invalid_location',
      'A location has latitude (-90 to 90), longitude (-180 to 180) and perhaps a name and address.');
  end if;
  return jsonb_strip_nulls(jsonb_build_object('latitude', p_place -> 'latitude', 'longitude', p_place -> 'longitude',
    'name', p_place -> 'name', 'address', p_place -> 'address'));
end
$$;
comment on function private.checked_location(jsonb) is 'A place as it is kept, or invalid_location.';

/** A vCard 3.0 (RFC 2426) with a name and numbers. */
create function private.vcard(p_name text, p_phones text[]) returns text
  language sql
  immutable
  set search_path = ''
as $$
  select concat_ws(E'\n', 'BEGIN:VCARD', 'VERSION:3.0',
    'FN:' || replace(regexp_replace(p_name, '([\\,;])', '\\\1', 'g'), E'\n', '\n'),
    (select string_agg('TEL;type=CELL;waid=' || regexp_replace(n, '[^0-9]', '', 'g') || ':' || n, E'\n') from unnest(p_phones) as p(n)),
    'END:VCARD')
$$;
comment on function private.vcard(text, text[]) is 'A vCard with a name and numbers.';

/** Contact cards as they are kept, or invalid_contact. A card has a name, and numbers or a vCard. */
create function private.checked_contacts(p_contacts jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_card jsonb;
  v_phones text[];
  v_cards jsonb := '[]';
begin
  if jsonb_typeof(p_contacts) is distinct from 'array' or jsonb_array_length(p_contacts) not between 1 and 100 then
    perform private.fail(400, 'invalid_contact', 'Give 1 to 100 contacts.');
  end if;
  for v_card in select c from jsonb_array_elements(p_contacts) as e(c) loop
    v_phones := case when jsonb_typeof(v_card -> 'phones') = 'array'
      then array(select jsonb_array_elements_text(v_card -> 'phones')) else '{}' end;
    if jsonb_typeof(v_card) is distinct from 'object' or not private.is_text(v_card -> 'name', 256)
      or cardinality(v_phones) > 32
      or exists (select from unnest(v_phones) as p(n) where n is null or n !~ '^\+?[0-9][0-9 ().-]{3,38}$')
      or (v_card ->> 'vcard' is null and cardinality(v_phones) = 0)
      or (v_card ->> 'vcard' is not null and (not private.is_text(v_card -> 'vcard', 16384)
        or v_card ->> 'vcard' !~* '^BEGIN:VCARD\r?\n.*\nEND:VCARD\s*$')) then
      perform private.fail(400, 'invalid_contact', 'A contact has a name, and phones or a vCard.');
    end if;
    v_cards := v_cards || jsonb_build_array(jsonb_build_object('name', v_card -> 'name',
      'vcard', coalesce(v_card ->> 'vcard', private.vcard(v_card ->> 'name', v_phones)), 'phones', to_jsonb(v_phones)));
  end loop;
  return v_cards;
end
$$;
comment on function private.checked_contacts(jsonb) is 'Contact cards as they are kept, or invalid_contact.';

/** A poll as it is kept, or invalid_poll: a question, 2 to 12 different options, and how many one may choose (0: any number). */
create function private.checked_poll(p_poll jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_selectable numeric;
begin
  if jsonb_typeof(p_poll) is not distinct from 'object' and jsonb_typeof(coalesce(p_poll -> 'selectable', '1')) = 'number' then
    v_selectable := coalesce((p_poll ->> 'selectable')::numeric, 1);
  end if;
  if v_selectable is null or not private.is_text(p_poll -> 'name', 255)
    or jsonb_typeof(p_poll -> 'options') is distinct from 'array'
    or jsonb_array_length(p_poll -> 'options') not between 2 and 12
    or exists (select from jsonb_array_elements(p_poll -> 'options') as o(o) where not private.is_text(o, 100))
    or (select count(*) <> count(distinct o) from jsonb_array_elements_text(p_poll -> 'options') as o(o))
    or v_selectable <> trunc(v_selectable) or v_selectable not between 0 and jsonb_array_length(p_poll -> 'options') then
    perform private.fail(400, 'invalid_poll',
      'A poll has a question, 2 to 12 different options of up to 100 characters, and how many of them one may choose.');
  end if;
  return jsonb_build_object('name', p_poll -> 'name', 'options', p_poll -> 'options', 'selectable', v_selectable::integer);
end
$$;
comment on function private.checked_poll(jsonb) is 'A poll as it is kept, or invalid_poll.';

/** What goes with a text: mentions and a link preview, as they are kept; invalid_mention or invalid_preview. */
create function private.checked_text_content(p_text text, p_content jsonb) returns jsonb
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_mentions jsonb := p_content -> 'mentions';
  v_preview jsonb := p_content -> 'preview';
begin
  if v_mentions is not null and (jsonb_typeof(v_mentions) <> 'array' or jsonb_array_length(v_mentions) not between 1 and 1024
    or exists (
      select from jsonb_array_elements(v_mentions) as m(m)
        where jsonb_typeof(m) <> 'string' or m #>> '{}' !~ '^[0-9]{1,20}@(s\.whatsapp\.net|lid)$'
          or strpos(p_text, '@' || split_part(m #>> '{}', '@', 1)) = 0)) then
    perform private.fail(400, 'invalid_mention', 'A mention is the JID of a person whose digits stand in the text after an @.');
  end if;
  if v_preview is not null and (jsonb_typeof(v_preview) <> 'object'
    or not private.is_text(v_preview -> 'url', 2048) or v_preview ->> 'url' !~* '^https?://[^\s]+$'
    or strpos(p_text, v_preview ->> 'url') = 0
    or not private.is_text(v_preview -> 'title', 1024)
    or (v_preview ->> 'description' is not null and not private.is_text(v_preview -> 'description', 4096))
    or (v_preview ->> 'thumbnail' is not null and (not private.is_text(v_preview -> 'thumbnail', 32768)
      or v_preview ->> 'thumbnail' !~ '^/9j/[A-Za-z0-9+/]*={0,2}$'))) then
    perform private.fail(400, 'invalid_preview',
      'A preview has a url that stands in the text, a title, and perhaps a description and a small JPEG in base64.');
  end if;
  return jsonb_strip_nulls(jsonb_build_object('mentions', v_mentions, 'preview', case when v_preview is not null
    then jsonb_build_object('url', v_preview -> 'url', 'title', v_preview -> 'title', 'description', v_preview -> 'description',
      'thumbnail', v_preview -> 'thumbnail') end));
end
$$;
comment on function private.checked_text_content(text, jsonb) is 'Mentions and link preview as they are kept, or invalid_mention or invalid_preview.';

/**
 * Queues a message that is more than text, for a conversation of the calling user: p_content has location, contacts or poll, or, with a
 * text, mentions and preview. Answers and idempotency as submit_message.
 */
create function private.send_content(
  p_conversation text, p_content jsonb, p_text text, p_reply_to uuid, p_idempotency_key text, p_sender_type text
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
  v_first jsonb;
  v_type text;
  v_text text;
  v_content jsonb;
  v_known constant text[] := array['location', 'contacts', 'poll', 'mentions', 'preview'];
begin
  if jsonb_typeof(p_content) is distinct from 'object' or exists (
      select from jsonb_object_keys(p_content) as k(k) where k <> all (v_known))
    or (select count(*) from jsonb_object_keys(p_content) as k(k) where k in ('location', 'contacts', 'poll')) > 1
    or (p_content ?| array['location', 'contacts', 'poll'] and (p_text is not null or p_content ?| array['mentions', 'preview'])) then
    perform private.fail(400, 'invalid_request', 'Give one of location, contacts and poll, or a text with mentions and preview.');
  end if;
  case
    when p_content ? 'location' then
      v_type := 'location';
      v_content := jsonb_build_object('location', private.checked_location(p_content -> 'location'));
      v_text := nullif(concat_ws(', ', v_content #>> '{location,name}', v_content #>> '{location,address}'), '');
    when p_content ? 'contacts' then
      v_type := 'contact';
      v_content := jsonb_build_object('contacts', private.checked_contacts(p_content -> 'contacts'));
      v_text := left((select string_agg(c ->> 'name', ', ') from jsonb_array_elements(v_content -> 'contacts') as e(c)), 4096);
    when p_content ? 'poll' then
      v_type := 'poll';
      v_content := jsonb_build_object('poll', private.checked_poll(p_content -> 'poll'));
      v_text := v_content #>> '{poll,name}';
    else
      v_type := 'text';
      perform private.check_text(p_text);
      v_content := private.checked_text_content(p_text, p_content);
      v_text := p_text;
  end case;
  if octet_length(v_content::text) > 200000 then
    perform private.fail(413, 'payload_too_large', 'The content is too large.');
  end if;
  v_conversation := private.writable_conversation(v_user, p_conversation);
  if p_idempotency_key is not null then
    v_fingerprint := private.fingerprint(
      jsonb_build_array('send_content', v_conversation.id, p_content, p_text, p_reply_to, p_sender_type));
    v_first := private.find_sent(v_user, p_idempotency_key, v_fingerprint);
    if v_first is not null then
      return v_first;
    end if;
  end if;
  v_message := private.enqueue_message(v_conversation, v_type, v_text, v_content, p_reply_to, p_sender_type);
  perform private.remember_result(
    v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_id', v_message.id));
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', false);
end
$$;
comment on function private.send_content(text, jsonb, text, uuid, text, text) is 'Definer half of public.send_content.';

create function public.send_content(
  p_conversation text, p_content jsonb, p_text text default null, p_reply_to uuid default null,
  p_idempotency_key text default null, p_sender_type text default 'user'
) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.send_content(p_conversation, p_content, p_text, p_reply_to, p_idempotency_key, p_sender_type)
$$;
comment on function public.send_content(text, jsonb, text, uuid, text, text) is
  'Queues a message that is more than text for one of your conversations: {location}, {contacts} or {poll}, or a text with {mentions, preview}. Answers {message, replayed}.';

/** Queues a copy of a message of the calling user for another of their conversations, marked as forwarded. */
create function private.forward_message(p_message uuid, p_conversation text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_original public.messages_new;
  v_conversation public.conversations_new;
  v_message public.messages_new;
  v_proto bytea;
  v_content jsonb;
  v_fingerprint text;
  v_first jsonb;
begin
  select * into v_original from public.messages_new
    where id = p_message and user_id = v_user and (expires_at is null or expires_at > now());
  if v_original.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  v_conversation := private.writable_conversation(v_user, p_conversation);
  if p_idempotency_key is not null then
    v_fingerprint := private.fingerprint(jsonb_build_array('forward_message', p_message, v_conversation.id));
    v_first := private.find_sent(v_user, p_idempotency_key, v_fingerprint);
    if v_first is not null then
      return v_first;
    end if;
  end if;
  select proto into v_proto from private.message_protos where message_id = p_message and user_id = v_user;
  if v_original.revoked_at is not null or v_original.content ? 'view_once'
    or v_original.message_type in ('notice', 'unsupported', 'reaction')
    or (v_original.message_type in ('text') and v_original.text_content is null)
    or (v_original.message_type in ('image', 'video', 'audio', 'document', 'sticker') and v_proto is null) then
    perform private.fail(409, 'not_forwardable', 'That message can''t be forwarded.');
  end if;
  v_content := (v_original.content - array['quote', 'ephemeral_seconds', 'choice', 'choices', 'event', 'group_invitation'])
    || jsonb_build_object('forwarded', coalesce((v_original.content ->> 'forwarded')::integer, 0) + 1);
  v_message := private.enqueue_message(v_conversation, v_original.message_type, v_original.text_content, v_content, null, 'user',
    case when v_original.media_status is not null then jsonb_build_object('status', v_original.media_status,
      'url', v_original.media_url, 'mime_type', v_original.media_mime_type, 'size_bytes', v_original.media_size_bytes,
      'sha256', v_original.media_sha256, 'duration_seconds', v_original.media_duration_seconds, 'width', v_original.media_width,
      'height', v_original.media_height, 'file_name', v_original.media_file_name, 'waveform', v_original.media_waveform) end);
  if v_original.message_type in ('image', 'video', 'audio', 'document', 'sticker') then
    insert into private.message_protos (message_id, user_id, proto) values (v_message.id, v_user, v_proto);
  end if;
  perform private.remember_result(
    v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_id', v_message.id));
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', false);
end
$$;
comment on function private.forward_message(uuid, text, text) is 'Definer half of public.forward_message.';

create function public.forward_message(p_message uuid, p_conversation text, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.forward_message(p_message, p_conversation, p_idempotency_key)
$$;
comment on function public.forward_message(uuid, text, text) is
  'Forwards a message of yours to one of your conversations. Answers {message, replayed}.';

revoke all on function
  private.own_jids(uuid), private.writable_conversation(uuid, text), private.assert_may_write(public.conversations_new),
  private.new_wa_id(), private.enqueue_message(public.conversations_new, text, text, jsonb, uuid, text, jsonb),
  private.check_text(text), private.find_sent(uuid, text, text), private.is_text(jsonb, integer),
  private.checked_location(jsonb), private.vcard(text, text[]), private.checked_contacts(jsonb), private.checked_poll(jsonb),
  private.checked_text_content(text, jsonb), private.send_content(text, jsonb, text, uuid, text, text),
  public.send_content(text, jsonb, text, uuid, text, text), private.forward_message(uuid, text, text),
  public.forward_message(uuid, text, text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function
  private.send_content(text, jsonb, text, uuid, text, text), private.forward_message(uuid, text, text)
  to authenticated, session_host;
grant execute on function
  public.send_content(text, jsonb, text, uuid, text, text), public.forward_message(uuid, text, text)
  to authenticated;
