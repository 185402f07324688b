-- Chat state, both ways: what the phone says becomes the rows, and what a user asks for becomes the rows and a command. Lists, pages
-- and search leave out what was deleted on the phone.

-- The list of kinds is shared/commands.ts.
alter table private.session_commands drop constraint session_commands_kind_check;
alter table private.session_commands add constraint session_commands_kind_check check (kind ~ '^[a-z_]{1,40}$');

/** As before, without the chats that were deleted on the phone and have nothing new. */
create or replace function private.list_conversations(
  p_limit integer, p_before_activity timestamptz, p_before_id uuid, p_query text, p_archived boolean, p_session_id uuid
) returns setof public.conversations_new
  language plpgsql
  stable
  security definer
  set search_path = ''
  set enable_seqscan = off
as $$
declare
  v_user uuid := auth.uid();
  v_session uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_patterns text[] := private.haystack_patterns(p_query);
  v_newest constant integer := 500;
  v_page public.conversations_new[];
  v_walked integer;
begin
  select s.id into v_session from public.whatsapp_sessions s
    where s.user_id = v_user and case when p_session_id is null then s.is_default else s.id = p_session_id end;
  if v_session is null then
    return;
  end if;
  if v_patterns is null then
    return query
      select c.* from public.conversations_new c
        where c.session_id = v_session and c.user_id = v_user and c.archived = coalesce(p_archived, false) and c.hidden_at is null
          and (c.activity_at, c.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        order by c.activity_at desc, c.id desc
        limit v_limit;
  else
    with walked as materialized (
      select c as row, c.contact_id, c.activity_at, c.id, c.kind, c.contact_name from public.conversations_new c
        where c.session_id = v_session and c.user_id = v_user and c.archived = coalesce(p_archived, false) and c.hidden_at is null
          and (c.activity_at, c.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        order by c.activity_at desc, c.id desc
        limit v_newest),
    found as (
      select w.row, w.activity_at, w.id from walked w left join public.contacts p on p.id = w.contact_id
        where p.search_text like v_patterns[1] or p.search_text like v_patterns[2]
          or w.kind = 'group' and private.fold(normalize(w.contact_name, nfc)) like v_patterns[1]
        order by w.activity_at desc, w.id desc
        limit v_limit)
    select (select array_agg(f.row order by f.activity_at desc, f.id desc) from found f), (select count(*) from walked)
      into v_page, v_walked;
    if cardinality(v_page) = v_limit or v_walked < v_newest then
      return query select c.* from unnest(v_page) as c order by c.activity_at desc, c.id desc;
      return;
    end if;
    return query
      with people as materialized (
        select c.id, c.user_id from public.contacts c
          where c.session_id = v_session
            and (c.search_text like v_patterns[1]
              or c.search_text like coalesce(v_patterns[2], v_patterns[1]))),
      hits as materialized (
        select n.* from people p join public.conversations_new n on n.contact_id = p.id and n.user_id = p.user_id
        union all
        select n.* from public.conversations_new n
          where n.session_id = v_session and n.user_id = v_user and n.kind = 'group'
            and private.fold(normalize(n.contact_name, nfc)) like v_patterns[1])
      select h.* from hits h
        where h.user_id = v_user and h.archived = coalesce(p_archived, false) and h.hidden_at is null
          and (h.activity_at, h.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        order by h.activity_at desc, h.id desc
        limit v_limit;
  end if;
end
$$;

/** As before, without what was deleted for the account alone and what has disappeared. */
create or replace function private.list_messages(
  p_conversation text, p_limit integer, p_before_at timestamptz, p_before_ordinal bigint,
  p_after_at timestamptz, p_after_ordinal bigint
) returns setof public.messages_new
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation uuid := private.find_conversation(v_user, p_conversation);
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
begin
  if v_conversation is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  if p_after_at is not null then
    return query
      select m.* from public.messages_new m
        where m.conversation_id = v_conversation and m.user_id = v_user and m.hidden_at is null
          and (m.expires_at is null or m.expires_at > now())
          and (m.created_at, m.ordinal) > (p_after_at, coalesce(p_after_ordinal, 9223372036854775807))
        order by m.created_at, m.ordinal limit v_limit;
  else
    return query
      select page.* from (
        select m.* from public.messages_new m
          where m.conversation_id = v_conversation and m.user_id = v_user and m.hidden_at is null
          and (m.expires_at is null or m.expires_at > now())
            and (m.created_at, m.ordinal) < (coalesce(p_before_at, 'infinity'), coalesce(p_before_ordinal,
              case when p_before_at is null then 9223372036854775807 else 0 end))
          order by m.created_at desc, m.ordinal desc limit v_limit) page
        order by page.created_at, page.ordinal;
  end if;
end
$$;

/** As before; what is hidden is not found. */
create or replace function private.index_changed_message() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if coalesce(new.text_content, '') = '' or new.hidden_at is not null then
    delete from private.message_search where message_id = new.id;
  else
    insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
      values (new.id, new.user_id, new.conversation_id, coalesce(new.created_at, to_timestamp(0)), new.ordinal,
        new.message_type, private.search_document(
          new.user_id, new.conversation_id, new.message_type, new.text_content, coalesce(new.created_at, to_timestamp(0))))
      on conflict (message_id) do update set
        conversation_id = excluded.conversation_id, created_at = excluded.created_at, ordinal = excluded.ordinal,
        message_type = excluded.message_type, document = excluded.document;
  end if;
  return null;
end
$$;

drop trigger messages_new_index_changed on public.messages_new;
create trigger messages_new_index_changed
  after update of text_content, message_type, conversation_id, created_at, ordinal, hidden_at on public.messages_new
  for each row when (
    (old.text_content, old.message_type, old.conversation_id, old.created_at, old.ordinal, old.hidden_at)
      is distinct from (new.text_content, new.message_type, new.conversation_id, new.created_at, new.ordinal, new.hidden_at))
  execute function private.index_changed_message();

/** Brings what a conversation's row says of its messages up to date after some of them were hidden. */
create function private.refresh_conversation(p_conversation_id uuid) returns void
  language sql
  set search_path = ''
as $$
  update public.conversations_new c set
      unread_count = least(c.unread_count, (
        select count(*) from public.messages_new m
          where m.conversation_id = c.id and m.status = 'received' and m.hidden_at is null)),
      (last_message_at, last_message_id, last_message_ordinal, last_message_text, last_message_type, last_message_from_me) = (
        select m.created_at, m.id, m.ordinal, left(m.text_content, 200), m.message_type, m.from_me
          from public.messages_new m where m.conversation_id = c.id and m.hidden_at is null
          order by m.created_at desc, m.ordinal desc limit 1)
    where c.id = p_conversation_id
$$;
comment on function private.refresh_conversation(uuid) is 'Brings a conversation''s row up to date after messages of it were hidden.';

/** Trigger: a chat that was deleted on the phone is in the lists again when something new is in it. */
create function private.show_conversations() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  update public.conversations_new c set hidden_at = null
    where c.id in (select a.conversation_id from added a) and c.hidden_at is not null;
  return null;
end
$$;
comment on function private.show_conversations() is 'Trigger: a hidden chat is in the lists again when something new is in it.';
create trigger messages_new_show_conversations after insert on public.messages_new
  referencing new table as added for each statement execute function private.show_conversations();

/** Queues a command about a conversation and says that it changed. */
create function private.ask_about_chat(p_conversation public.conversations_new, p_kind text, p_payload jsonb) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
    values (p_conversation.session_id, p_conversation.user_id, p_kind, 'state:' || p_conversation.id, p_conversation.id, p_payload);
  perform private.append_events(p_conversation.session_id, p_conversation.user_id, jsonb_build_array(jsonb_build_object(
    'type', 'conversation.updated', 'data', jsonb_build_object('conversation_id', p_conversation.id))));
  perform private.wake_hosts(p_conversation.session_id);
end
$$;
comment on function private.ask_about_chat(public.conversations_new, text, jsonb) is 'Queues a command about a conversation and says that it changed.';

/** The conversation that the calling user means, its row locked; fails with conversation_not_found or session_not_linked. */
create function private.lock_linked_conversation(p_user_id uuid, p_conversation text) returns public.conversations_new
  language plpgsql
  set search_path = ''
as $$
declare
  v_conversation public.conversations_new;
begin
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(p_user_id, p_conversation) and user_id = p_user_id for no key update;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  if not exists (select from public.whatsapp_sessions where id = v_conversation.session_id and linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  return v_conversation;
end
$$;
comment on function private.lock_linked_conversation(uuid, text) is 'A conversation of a user, its row locked, when its session is linked.';

/**
 * Archives, pins or mutes a conversation of the calling user, here at once and on the phone by a command. p_state holds what is to
 * change: {archived: boolean, pinned: boolean, muted_until: time | null}. Answers {conversation_id}.
 */
create function private.set_chat_state(p_conversation text, p_state jsonb, p_idempotency_key text) returns jsonb
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
  if v_until is not null and (v_until <= now() or v_until > '9999-12-31') then
    perform private.fail(400, 'invalid_request', 'muted_until is a time to come, at most 9999-12-31 (for ever).');
  end if;
  v_before := private.lock_linked_conversation(v_user, p_conversation);
  v_fingerprint := private.fingerprint(jsonb_build_array('set_chat_state', v_before.id, p_state));
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
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
comment on function private.set_chat_state(text, jsonb, text) is 'Definer half of public.set_chat_state.';

create function public.set_chat_state(p_conversation text, p_state jsonb, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.set_chat_state(p_conversation, p_state, p_idempotency_key)
$$;
comment on function public.set_chat_state(text, jsonb, text) is
  'Archives, pins or mutes a conversation of yours (uuid or JID), here and on the phone: p_state is any of {archived, pinned, muted_until}, muted_until a time (9999-12-31: for ever) or null. Answers {conversation_id}. The same idempotency key answers the first result again, with replayed: true.';

/** Marks a conversation of the calling user as unread by hand, here at once and on the phone by a command. */
create function private.mark_unread(p_conversation text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new := private.lock_linked_conversation(v_user, p_conversation);
  v_fingerprint text := private.fingerprint(jsonb_build_array('mark_unread', v_conversation.id));
  v_result jsonb := private.find_result(v_user, p_idempotency_key, v_fingerprint);
begin
  if v_result is null then
    update public.conversations_new set marked_unread = true where id = v_conversation.id;
    perform private.ask_about_chat(v_conversation, 'mark_unread', '{}');
    v_result := jsonb_build_object('conversation_id', v_conversation.id);
    perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  end if;
  return v_result;
end
$$;
comment on function private.mark_unread(text, text) is 'Definer half of public.mark_unread.';

create function public.mark_unread(p_conversation text, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.mark_unread(p_conversation, p_idempotency_key)
$$;
comment on function public.mark_unread(text, text) is
  'Marks a conversation of yours (uuid or JID) as unread, here and on the phone: marked_unread is true until it is read. Answers {conversation_id}.';

/** As before; it takes a mark as unread away, too, here and on the phone. */
create or replace function private.mark_read_now(p_conversation text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
  v_read jsonb;
begin
  -- The conversation row first: the host's projection takes it before message rows, too.
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(v_user, p_conversation) and user_id = v_user for update;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  with read as (
    update public.messages_new set status = 'read'
      where conversation_id = v_conversation.id and status = 'received'
      returning id, ordinal)
  -- WhatsApp shows "read" up to the newest, so a bounded tail is enough for the receipts.
  select coalesce(jsonb_agg(id order by ordinal desc), '[]') into v_read
    from (select id, ordinal from read order by ordinal desc limit 500) newest;
  if jsonb_array_length(v_read) = 0 and v_conversation.unread_count = 0 and not v_conversation.marked_unread then
    return jsonb_build_object('conversation_id', v_conversation.id, 'read', 0);
  end if;
  update public.conversations_new set unread_count = 0, marked_unread = false where id = v_conversation.id;
  if jsonb_array_length(v_read) > 0 then
    insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
      values (v_conversation.session_id, v_user, 'mark_read', 'read:' || v_conversation.id, v_conversation.id,
        jsonb_build_object('message_ids', v_read));
  end if;
  if v_conversation.marked_unread then
    perform private.ask_about_chat(v_conversation, 'unmark_unread', '{}');
  end if;
  perform private.append_events(v_conversation.session_id, v_user, jsonb_build_array(jsonb_build_object(
    'type', 'conversation.updated', 'data', jsonb_build_object('conversation_id', v_conversation.id, 'unread_count', 0))));
  perform private.wake_hosts(v_conversation.session_id);
  return jsonb_build_object('conversation_id', v_conversation.id, 'read', jsonb_array_length(v_read));
end
$$;

/**
 * Says that the calling user has played (listened to, looked at) a message that somebody else wrote; its author is told by a command.
 * Answers {message_id, played}; played is false when it was known.
 */
create function private.mark_played(p_message uuid) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new;
begin
  select * into v_message from public.messages_new where id = p_message and user_id = v_user and not from_me;
  if v_message.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  perform from public.conversations_new where id = v_message.conversation_id for no key update;
  select * into v_message from public.messages_new where id = p_message for update;
  if v_message.status not in ('received', 'read') then
    return jsonb_build_object('message_id', v_message.id, 'played', false);
  end if;
  update public.messages_new set status = 'played' where id = v_message.id;
  if v_message.status = 'received' then
    update public.conversations_new set unread_count = greatest(0, unread_count - 1) where id = v_message.conversation_id;
  end if;
  insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, payload)
    values (v_message.session_id, v_user, 'mark_played', 'read:' || v_message.conversation_id, v_message.conversation_id,
      jsonb_build_object('message_ids', jsonb_build_array(v_message.id)));
  perform private.append_events(v_message.session_id, v_user, jsonb_build_array(jsonb_build_object(
    'type', 'message.status', 'data', jsonb_build_object(
      'conversation_id', v_message.conversation_id, 'message_id', v_message.id, 'status', 'played'))));
  perform private.wake_hosts(v_message.session_id);
  return jsonb_build_object('message_id', v_message.id, 'played', true);
end
$$;
comment on function private.mark_played(uuid) is 'Definer half of public.mark_played.';

create function public.mark_played(p_message uuid) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.mark_played(p_message)
$$;
comment on function public.mark_played(uuid) is
  'Says that you have listened to (or looked at) a message that somebody wrote to you; its author sees it. Answers {message_id, played}; played is false when it was known.';

revoke all on function
  private.refresh_conversation(uuid), private.show_conversations(), private.ask_about_chat(public.conversations_new, text, jsonb),
  private.lock_linked_conversation(uuid, text), private.set_chat_state(text, jsonb, text), public.set_chat_state(text, jsonb, text),
  private.mark_unread(text, text), public.mark_unread(text, text), private.mark_played(uuid), public.mark_played(uuid)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.refresh_conversation(uuid) to session_host;
grant execute on function
  private.set_chat_state(text, jsonb, text), private.mark_unread(text, text), private.mark_played(uuid)
  to authenticated, session_host;
grant execute on function
  public.set_chat_state(text, jsonb, text), public.mark_unread(text, text), public.mark_played(uuid)
  to authenticated;
