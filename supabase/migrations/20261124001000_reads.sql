-- Reads: the conversation list and message pages by keyset, callable alike by supabase-js and the edge functions.

/**
 * A page of conversations, newest activity first; those of the default session unless another is named. The cursor is the last
 * row's (activity_at, id). p_query matches names and numbers anywhere, ignoring case.
 */
create function public.list_conversations(
  p_limit integer default 50, p_before_activity timestamptz default null, p_before_id uuid default null,
  p_query text default null, p_archived boolean default false, p_session_id uuid default null
) returns setof public.conversations_new
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select c.* from public.conversations_new c
    where c.user_id = (select auth.uid())
      and c.session_id = (select coalesce(p_session_id, (
        select s.id from public.whatsapp_sessions s where s.user_id = (select auth.uid()) and s.is_default)))
      and c.archived = p_archived
      and (p_before_activity is null or (c.activity_at, c.id) < (p_before_activity, p_before_id))
      and (p_query is null or btrim(p_query) = ''
        or c.contact_name ilike '%' || regexp_replace(p_query, '([\\%_])', '\\\1', 'g') || '%'
        or (p_query ~ '[0-9]{3}'
          and c.external_id like '%' || regexp_replace(p_query, '[^0-9]', '', 'g') || '%'))
    order by c.activity_at desc, c.id desc
    limit least(greatest(coalesce(p_limit, 50), 1), 200)
$$;
comment on function public.list_conversations(integer, timestamptz, uuid, text, boolean, uuid) is
  'A page of your conversations, newest activity first. Pass the last row''s activity_at and id to go on.';

/**
 * A page of a conversation's messages in ascending order: the newest without a cursor, older ones before
 * (p_before_at, p_before_ordinal), newer ones after (p_after_at, p_after_ordinal). The conversation is a uuid or a JID; an unknown
 * one fails with conversation_not_found.
 */
create function private.list_messages(
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
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 200);
begin
  if v_conversation is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  if p_after_at is not null then
    return query
      select m.* from public.messages_new m
        where m.conversation_id = v_conversation and m.user_id = v_user
          and (m.created_at, m.ordinal) > (p_after_at, p_after_ordinal)
        order by m.created_at, m.ordinal limit v_limit;
  elsif p_before_at is not null then
    return query
      select page.* from (
        select m.* from public.messages_new m
          where m.conversation_id = v_conversation and m.user_id = v_user
            and (m.created_at, m.ordinal) < (p_before_at, p_before_ordinal)
          order by m.created_at desc, m.ordinal desc limit v_limit) page
        order by page.created_at, page.ordinal;
  else
    return query
      select page.* from (
        select m.* from public.messages_new m
          where m.conversation_id = v_conversation and m.user_id = v_user
          order by m.created_at desc, m.ordinal desc limit v_limit) page
        order by page.created_at, page.ordinal;
  end if;
end
$$;

create function public.list_messages(
  p_conversation text, p_limit integer default 50, p_before_at timestamptz default null,
  p_before_ordinal bigint default null, p_after_at timestamptz default null, p_after_ordinal bigint default null
) returns setof public.messages_new
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.list_messages(p_conversation, p_limit, p_before_at, p_before_ordinal, p_after_at, p_after_ordinal)
$$;
comment on function public.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint) is
  'A page of a conversation of yours (uuid or JID), ascending: the newest without a cursor, or before/after one message''s (created_at, ordinal).';

/** One conversation of the calling user by uuid or JID, or conversation_not_found. */
create function private.get_conversation(p_conversation text) returns setof public.conversations_new
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation uuid := private.find_conversation(v_user, p_conversation);
begin
  if v_conversation is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  return query select c.* from public.conversations_new c where c.id = v_conversation and c.user_id = v_user;
end
$$;

create function public.get_conversation(p_conversation text) returns setof public.conversations_new
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.get_conversation(p_conversation)
$$;
comment on function public.get_conversation(text) is 'One conversation of yours by uuid or any JID its person ever had.';

revoke all on function
  public.list_conversations(integer, timestamptz, uuid, text, boolean, uuid),
  private.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint),
  public.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint),
  private.get_conversation(text), public.get_conversation(text)
  from public, anon, authenticated, service_role;
grant execute on function
  public.list_conversations(integer, timestamptz, uuid, text, boolean, uuid),
  private.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint),
  public.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint),
  private.get_conversation(text), public.get_conversation(text)
  to authenticated;
