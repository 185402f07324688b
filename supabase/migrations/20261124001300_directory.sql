-- The directory: contacts by name, and names and numbers found anywhere in them without case and accents.

/** What a contact is sorted by: the name shown, without case and accents; those known by number only, or by nothing, come last. */
create function private.contact_sort_name(p_name text, p_verified_name text, p_push_name text, p_phone text) returns text
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
begin
  return coalesce(private.fold(normalize(coalesce(nullif(p_name, ''), nullif(p_verified_name, ''), nullif(p_push_name, '')), nfc)),
    '~' || coalesce(p_phone, '~'));
end
$$;
comment on function private.contact_sort_name(text, text, text, text) is
  'The name of a contact that is shown, without case and accents, to be compared by code points: the order of lists.';

/** All that a contact may be found by: every name and the number. */
create function private.contact_haystack(p_name text, p_verified_name text, p_push_name text, p_phone text) returns text
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
begin
  return private.fold(normalize(concat_ws(' ', p_name, p_verified_name, p_push_name, p_phone), nfc));
end
$$;
comment on function private.contact_haystack(text, text, text, text) is 'Names and number of a contact in one text without case and accents.';

/**
 * A search text as LIKE patterns, one of which must match: itself anywhere, and its digits, when it has at least three and nothing
 * but what numbers are written with. Null when there is nothing to look for.
 */
create function private.haystack_patterns(p_query text) returns text[]
  language sql
  immutable
  parallel safe
  set search_path = ''
as $$
  select case when btrim(p_query) <> '' then array_remove(array[
    '%' || regexp_replace(private.fold(normalize(btrim(p_query), nfc)), '([\\%_])', '\\\1', 'g') || '%',
    case when p_query ~ '^[-+0-9 ().]*$' and p_query ~ '[0-9].*[0-9].*[0-9]'
      then '%' || regexp_replace(p_query, '[^0-9]', '', 'g') || '%' end], null) end
$$;
comment on function private.haystack_patterns(text) is 'LIKE patterns of a search for a name or number; null for an empty one.';

-- Stored, because a search compares it with every row of a session when the text sought is short.
alter table public.contacts
  add column sort_name text collate "C" generated always as (private.contact_sort_name(name, verified_name, push_name, phone)) stored,
  add column search_text text generated always as (private.contact_haystack(name, verified_name, push_name, phone)) stored;
comment on column public.contacts.sort_name is
  'The name that is shown, without case and accents, in the order of code points; ~ and the number, or ~~, for those without a name. Lists are ordered by it.';
comment on column public.contacts.search_text is 'Names and number without case and accents.';

create index contacts_name_idx on public.contacts (session_id, user_id, sort_name, id);
-- Groups have no contact to be found by; there are few of them. (A trigram index on conversations would be written with every message.)
create index conversations_new_groups_idx on public.conversations_new (session_id, user_id) where kind = 'group';

-- Trigrams find text in the middle of names, here within one session; without the extensions a search walks the session's contacts.
do $$
declare
  v_search_path text := current_setting('search_path');
begin
  if exists (select from pg_available_extensions where name = 'pg_trgm')
    and exists (select from pg_available_extensions where name = 'btree_gin') then
    create extension if not exists pg_trgm with schema extensions;
    create extension if not exists btree_gin with schema extensions;
    -- They may have been in another schema before.
    perform set_config('search_path', (
      select string_agg(distinct quote_ident(n.nspname), ', ')
        from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname in ('pg_trgm', 'btree_gin')), true);
    create index contacts_haystack_idx on public.contacts
      using gin (session_id, search_text gin_trgm_ops);
    perform set_config('search_path', v_search_path, true);
  end if;
end
$$;

/**
 * The conversation that a user means by a uuid (also of a merged one) or a JID (any the person ever had), or null.
 * JIDs are looked up in the default session first. Case, device and the old @c.us form are forgiven. As before, but by two look-ups
 * through indexes: one condition joined by OR reads every conversation.
 */
create or replace function private.find_conversation(p_user_id uuid, p_reference text) returns uuid
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_id uuid;
  v_jid text;
begin
  if p_reference ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select id into v_id from public.conversations_new where id = p_reference::uuid and user_id = p_user_id;
    if v_id is null then
      select conversation_id into v_id
        from private.conversation_merges where old_id = p_reference::uuid and user_id = p_user_id;
    end if;
    return v_id;
  end if;
  v_jid := regexp_replace(lower(p_reference), '(:[0-9]+)?@(c\.us|s\.whatsapp\.net)$', '@s.whatsapp.net');
  v_jid := regexp_replace(v_jid, ':[0-9]+@lid$', '@lid');
  select found.id into v_id
    from (
      select c.id, c.session_id, c.activity_at, true as is_address
        from public.conversations_new c where c.user_id = p_user_id and c.external_id = v_jid
      union all
      select c.id, c.session_id, c.activity_at, false
        from public.contact_identities i
        join public.conversations_new c on c.contact_id = i.contact_id and c.user_id = i.user_id
        where i.user_id = p_user_id and i.jid = v_jid) found
    join public.whatsapp_sessions s on s.id = found.session_id
    order by s.is_default desc, found.is_address desc, found.activity_at desc
    limit 1;
  return v_id;
end
$$;

/**
 * public.list_conversations. A search text is first compared with the newest conversations, in the order of the list: what is found
 * often fills the page there. What is not is looked up by name, and its hits are put in order.
 */
create function private.list_conversations(
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
        where c.session_id = v_session and c.user_id = v_user and c.archived = coalesce(p_archived, false)
          and (c.activity_at, c.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        order by c.activity_at desc, c.id desc
        limit v_limit;
  else
    with walked as materialized (
      select c as row, c.contact_id, c.activity_at, c.id, c.kind, c.contact_name from public.conversations_new c
        where c.session_id = v_session and c.user_id = v_user and c.archived = coalesce(p_archived, false)
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
        where h.user_id = v_user and h.archived = coalesce(p_archived, false)
          and (h.activity_at, h.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        order by h.activity_at desc, h.id desc
        limit v_limit;
  end if;
end
$$;
comment on function private.list_conversations(integer, timestamptz, uuid, text, boolean, uuid) is 'Definer half of public.list_conversations.';

create or replace function public.list_conversations(
  p_limit integer default 50, p_before_activity timestamptz default null, p_before_id uuid default null,
  p_query text default null, p_archived boolean default false, p_session_id uuid default null
) returns setof public.conversations_new
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.list_conversations(p_limit, p_before_activity, p_before_id, p_query, p_archived, p_session_id)
$$;
comment on function public.list_conversations(integer, timestamptz, uuid, text, boolean, uuid) is
  'A page of your conversations, newest activity first, at most 201; those of whom a name or the number holds p_query, without case and accents. Pass the last row''s activity_at and id to go on.';

/** As before, but at most 201 rows: a page of 200 and whether another follows. */
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
        where m.conversation_id = v_conversation and m.user_id = v_user
          and (m.created_at, m.ordinal) > (p_after_at, coalesce(p_after_ordinal, 9223372036854775807))
        order by m.created_at, m.ordinal limit v_limit;
  else
    return query
      select page.* from (
        select m.* from public.messages_new m
          where m.conversation_id = v_conversation and m.user_id = v_user
            and (m.created_at, m.ordinal) < (coalesce(p_before_at, 'infinity'), coalesce(p_before_ordinal,
              case when p_before_at is null then 9223372036854775807 else 0 end))
          order by m.created_at desc, m.ordinal desc limit v_limit) page
        order by page.created_at, page.ordinal;
  end if;
end
$$;
comment on function private.list_messages(text, integer, timestamptz, bigint, timestamptz, bigint) is 'Definer half of public.list_messages.';

/**
 * A page of the calling user's contacts by name (those of the default session unless another is named), each with its JIDs and its
 * conversation when there is one. p_query finds names and numbers anywhere, without case and accents. The cursor is the last row's
 * (sort_name, id).
 */
create function private.list_contacts(
  p_limit integer, p_after_name text, p_after_id uuid, p_query text, p_session_id uuid
) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text
)
  language plpgsql
  stable
  security definer
  set search_path = ''
  set enable_seqscan = off
as $$
declare
  v_user uuid := private.require_user();
  v_session uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_patterns text[] := private.haystack_patterns(p_query);
  v_after_name text := coalesce(p_after_name, '');
  v_after_id uuid := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
  v_page public.contacts[];
begin
  select s.id into v_session from public.whatsapp_sessions s
    where s.user_id = v_user and case when p_session_id is null then s.is_default else s.id = p_session_id end;
  if v_session is null then
    return;
  end if;
  if v_patterns is null then
    select array_agg(p) into v_page from (
      select c.* from public.contacts c
        where c.session_id = v_session and c.user_id = v_user
          and (c.sort_name, c.id) > (v_after_name, v_after_id)
        order by c.sort_name, c.id
        limit v_limit) p;
  else
    with hits as materialized (
      select c.* from public.contacts c
        where c.session_id = v_session
          and (c.search_text like v_patterns[1]
            or c.search_text like coalesce(v_patterns[2], v_patterns[1])))
    select array_agg(p) into v_page from (
      select h.* from hits h
        where h.user_id = v_user
          and (h.sort_name, h.id) > (v_after_name, v_after_id)
        order by h.sort_name, h.id
        limit v_limit) p;
  end if;
  return query
    select c.id, c.session_id, c.name, c.push_name, c.verified_name, c.phone,
        array(select i.jid from public.contact_identities i
          where i.contact_id = c.id and i.user_id = v_user order by i.kind desc, i.created_at desc, i.jid),
        (select n.id from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user),
        c.created_at, c.updated_at,
        c.sort_name
      from unnest(v_page) as c
      order by c.sort_name, c.id;
end
$$;
comment on function private.list_contacts(integer, text, uuid, text, uuid) is 'Definer half of public.list_contacts.';

create function public.list_contacts(
  p_limit integer default 50, p_after_name text default null, p_after_id uuid default null, p_query text default null,
  p_session_id uuid default null
) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text
)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.list_contacts(p_limit, p_after_name, p_after_id, p_query, p_session_id)
$$;
comment on function public.list_contacts(integer, text, uuid, text, uuid) is
  'A page of your contacts by name, at most 201, each with its JIDs and conversation; those whose names or number hold p_query. Pass the last row''s sort_name and id to go on.';

/** One contact of the calling user by its uuid or any of its JIDs, or not_found. */
create function private.get_contact(p_contact text) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text
)
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_jid text := regexp_replace(regexp_replace(lower(p_contact),
    '(:[0-9]+)?@(c\.us|s\.whatsapp\.net)$', '@s.whatsapp.net'), ':[0-9]+@lid$', '@lid');
  v_id uuid;
begin
  if p_contact ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select c.id into v_id from public.contacts c where c.id = p_contact::uuid and c.user_id = v_user;
  else
    select i.contact_id into v_id
      from public.contact_identities i join public.whatsapp_sessions s on s.id = i.session_id
      where i.user_id = v_user and i.jid = v_jid order by s.is_default desc, i.created_at desc limit 1;
  end if;
  if v_id is null then
    perform private.fail(404, 'not_found', 'Not found.');
  end if;
  return query
    select c.id, c.session_id, c.name, c.push_name, c.verified_name, c.phone,
        array(select i.jid from public.contact_identities i
          where i.contact_id = c.id and i.user_id = v_user order by i.kind desc, i.created_at desc, i.jid),
        (select n.id from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user),
        c.created_at, c.updated_at, c.sort_name
      from public.contacts c where c.id = v_id and c.user_id = v_user;
end
$$;
comment on function private.get_contact(text) is 'Definer half of public.get_contact.';

create function public.get_contact(p_contact text) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text
)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.get_contact(p_contact)
$$;
comment on function public.get_contact(text) is 'One contact of yours by uuid or any of its JIDs, or not_found.';

revoke all on function
  private.contact_sort_name(text, text, text, text), private.contact_haystack(text, text, text, text),
  private.haystack_patterns(text),
  private.list_conversations(integer, timestamptz, uuid, text, boolean, uuid),
  private.list_contacts(integer, text, uuid, text, uuid), public.list_contacts(integer, text, uuid, text, uuid),
  private.get_contact(text), public.get_contact(text)
  from public, anon, authenticated, service_role;
-- A generated column's expression runs as whoever writes the row.
grant execute on function
  private.fold(text), private.contact_sort_name(text, text, text, text), private.contact_haystack(text, text, text, text)
  to session_host, authenticated, service_role;
grant execute on function
  private.list_conversations(integer, timestamptz, uuid, text, boolean, uuid),
  private.list_contacts(integer, text, uuid, text, uuid), public.list_contacts(integer, text, uuid, text, uuid),
  private.get_contact(text), public.get_contact(text)
  to authenticated;
