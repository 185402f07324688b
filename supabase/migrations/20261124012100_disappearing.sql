-- Disappearing messages: a timer a conversation, and rows that go when their time has come by the database's clock.

alter table public.conversations_new
  add column disappearing_seconds integer check (disappearing_seconds between 1 and 31536000);
comment on column public.conversations_new.disappearing_seconds is 'After how many seconds new messages disappear; null: they stay.';

alter policy "users can view their own messages" on public.messages_new
  using (user_id = (select auth.uid()) and (expires_at is null or expires_at > now()));

/**
 * Deletes messages whose time has come, at most p_limit, with their receipts, originals and places in the search; brings the rows of
 * their conversations up to date and says so in the event log. Any host may call it at any time. Answers the sessions it changed.
 */
create function private.expire_messages(p_limit integer default 1000) returns setof uuid
  language plpgsql
  set search_path = ''
as $$
declare
  v_ids uuid[] := array(
    select m.id from public.messages_new m where m.expires_at <= now() order by m.expires_at limit p_limit);
  v_gone jsonb;
  v_session record;
begin
  if cardinality(v_ids) = 0 then
    return;
  end if;
  -- Conversations first and in order, as the projection takes them.
  perform from public.conversations_new c
    where c.id in (select m.conversation_id from public.messages_new m where m.id = any (v_ids)) order by c.id for no key update;
  with gone as (
    delete from public.messages_new m where m.id = any (v_ids) returning m.*)
  select coalesce(jsonb_agg(jsonb_build_object('id', id, 'session_id', session_id, 'user_id', user_id,
      'conversation_id', conversation_id, 'ordinal', ordinal, 'was_unread', status = 'received')), '[]')
    into v_gone from gone;
  update public.conversations_new c set
      unread_count = greatest(0, c.unread_count - t.unread),
      (last_message_at, last_message_id, last_message_ordinal, last_message_text, last_message_type, last_message_from_me) = (
        select n.created_at, n.id, n.ordinal, left(n.text_content, 200), n.message_type, n.from_me
          from (select 1) one
          left join lateral (
            select m.* from public.messages_new m
              where m.conversation_id = c.id and m.user_id = c.user_id
              order by m.created_at desc, m.ordinal desc limit 1) n on true)
    from (
      select conversation_id, count(*) filter (where was_unread) as unread
        from jsonb_to_recordset(v_gone) as g(conversation_id uuid, was_unread boolean) group by conversation_id) t
    where c.id = t.conversation_id;
  for v_session in
    select g.session_id, g.user_id, jsonb_agg(jsonb_build_object('type', 'message.deleted', 'data', jsonb_build_object(
        'conversation_id', g.conversation_id, 'message_id', g.id)) order by g.ordinal) as events
      from jsonb_to_recordset(v_gone) as g(id uuid, session_id uuid, user_id uuid, conversation_id uuid, ordinal bigint)
      group by g.session_id, g.user_id order by g.session_id
  loop
    perform private.append_events(v_session.session_id, v_session.user_id, v_session.events);
    return next v_session.session_id;
  end loop;
end
$$;
comment on function private.expire_messages(integer) is
  'Deletes messages whose time has come and says so in the event logs. Answers the sessions that it changed.';
revoke all on function private.expire_messages(integer) from public;
grant execute on function private.expire_messages(integer) to session_host;

/** As before, and without what has disappeared but is not deleted yet. */
create or replace function public.search_messages(
  p_query text, p_conversation text default null, p_from timestamptz default null, p_to timestamptz default null,
  p_type text default null, p_limit integer default 50, p_before_at timestamptz default null,
  p_before_ordinal bigint default null
) returns table (
  message_id uuid, conversation_id uuid, session_id uuid, external_id text, kind text, contact_name text,
  contact_photo_url text, sender_type text, message_type text, from_me boolean, sender_jid text, status text,
  created_at timestamptz, ordinal bigint, snippet text, highlights jsonb
)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select s.* from private.search_messages(
      p_query, p_conversation, p_from, p_to, p_type, p_limit, p_before_at, p_before_ordinal) s
    where coalesce((select m.expires_at > now() from public.messages_new m where m.id = s.message_id and m.user_id = (select auth.uid())), true)
$$;
