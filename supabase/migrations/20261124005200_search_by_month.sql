-- Search in bounded time, whatever is sought: terms carry the month of their message, so that the newest hits are looked for month by
-- month. A frequent word that nobody wrote lately had to be sought in every message before.

drop function private.search_document(uuid, uuid, text, text);

/** What the terms of an owner's messages of a month begin with: six digits of the owner's id and three of the month, counted in UTC from 1970. */
create function private.search_month(p_at timestamptz) returns text
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  return lpad(to_hex(greatest(0, least(4095,
    (extract(year from p_at at time zone 'UTC')::integer - 1970) * 12 + extract(month from p_at at time zone 'UTC')::integer - 1))), 3, '0');
end
$$;
comment on function private.search_month(timestamptz) is 'Three hexadecimal digits of the month, counted in UTC from January 1970.';

/** The terms by which a message is found: its words, its conversation and its kind. No word begins with # or !. */
create function private.search_document(
  p_user_id uuid, p_conversation_id uuid, p_message_type text, p_text text, p_at timestamptz
) returns tsvector
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
declare
  v_scope text := left(p_user_id::text, 6) || private.search_month(p_at);
begin
  -- Through a string: faster than a query over the words, and no word holds a blank.
  return array_to_tsvector(
    string_to_array(v_scope || array_to_string(private.search_words(p_text), ' ' || v_scope), ' ')
    || array[v_scope || '#' || left(p_conversation_id::text, 13), v_scope || '!' || p_message_type]);
end
$$;
comment on function private.search_document(uuid, uuid, text, text, timestamptz) is 'Terms by which a message is found.';
comment on column private.message_search.document is
  'Terms: six digits of the owner''s id, three of the month, and a word, a stem, # and the conversation, or ! and the kind.';

create or replace function private.index_new_messages() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select id, user_id, conversation_id, coalesce(created_at, to_timestamp(0)), ordinal, message_type,
        private.search_document(user_id, conversation_id, message_type, text_content, coalesce(created_at, to_timestamp(0)))
      from new_rows where text_content <> '';
  return null;
end
$$;

create or replace function private.index_changed_message() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if coalesce(new.text_content, '') = '' then
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

drop index private.message_search_document_idx;
update private.message_search s
  set document = private.search_document(s.user_id, s.conversation_id, s.message_type, m.text_content, s.created_at)
  from public.messages_new m where m.id = s.message_id;
create index message_search_document_idx on private.message_search using gin (document) with (gin_pending_list_limit = 512);

/**
 * The query for the words of a search in `p_months` months that end with the one of `p_until`. `p_terms` is what search_terms answers, as
 * [{place, word, alternatives}] in order. A conversation and a kind, where given, must be there as well.
 */
create function private.search_query(
  p_user_id uuid, p_terms jsonb, p_conversation_id uuid, p_type text, p_until timestamptz, p_months integer
) returns tsquery
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_scopes text[] := (
    select array_agg(distinct left(p_user_id::text, 6)
        || private.search_month((p_until at time zone 'UTC' - make_interval(months => n)) at time zone 'UTC'))
      from generate_series(0, p_months - 1) n);
  v_query text;
begin
  select string_agg('(' || (
        select string_agg(quote_literal(s || a), ' | ')
          from jsonb_array_elements_text(t.term -> 'alternatives') as a, unnest(v_scopes) as s)
      || case when t.n = jsonb_array_length(p_terms) then ' | ' || (
          select string_agg(quote_literal(s || (t.term ->> 'word')) || ':*', ' | ') from unnest(v_scopes) as s) else '' end
      || ')', ' & ')
    into v_query from jsonb_array_elements(p_terms) with ordinality as t(term, n);
  if p_conversation_id is not null then
    v_query := v_query || ' & (' || (
      select string_agg(quote_literal(s || '#' || left(p_conversation_id::text, 13)), ' | ') from unnest(v_scopes) as s) || ')';
  end if;
  if p_type is not null then
    v_query := v_query || ' & (' || (
      select string_agg(quote_literal(s || '!' || p_type), ' | ') from unnest(v_scopes) as s) || ')';
  end if;
  return v_query::tsquery;
end
$$;
comment on function private.search_query(uuid, jsonb, uuid, text, timestamptz, integer) is 'Query for the words of a search in some months.';

/**
 * A page of the calling user's messages that hold every word of the query, newest first. Words match without case and accents, also
 * in another Spanish or English form; the last one as a beginning, too. Filters: conversation (uuid or JID, an unknown one fails with
 * conversation_not_found), from (inclusive) and to (exclusive) by WhatsApp's time, kind of content. The cursor is the last row's
 * (created_at, ordinal). A query without words finds nothing.
 *
 * Goes back in time a month, then two, four, … at a time: through the index where the months hold a bounded number of hits, else it
 * splits them, and in a single month that is full of hits it walks back message by message. So what a search costs depends on the
 * months with hits that it must look at, not on how much was ever written; and nothing is left out.
 */
create or replace function private.search_messages(
  p_query text, p_conversation text, p_from timestamptz, p_to timestamptz, p_type text, p_limit integer,
  p_before_at timestamptz, p_before_ordinal bigint
) returns table (
  message_id uuid, conversation_id uuid, session_id uuid, external_id text, kind text, contact_name text,
  contact_photo_url text, sender_type text, message_type text, from_me boolean, sender_jid text, status text,
  created_at timestamptz, ordinal bigint, snippet text, highlights jsonb
)
  language plpgsql
  stable
  security definer
  set search_path = ''
  set enable_seqscan = off
  set jit = off
as $$
declare
  -- More hits than that are not fetched to find the newest among them.
  v_most_hits constant integer := 5000;
  v_user uuid := private.require_user();
  v_conversation uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_from timestamptz := coalesce(p_from, '-infinity');
  v_at timestamptz := coalesce(p_before_at, 'infinity');
  v_ordinal bigint := coalesce(p_before_ordinal, 9223372036854775807);
  v_terms jsonb;
  v_query tsquery;
  v_words text[];
  v_prefix text;
  v_newest timestamptz;
  v_start timestamptz;
  -- A month with more hits than are fetched.
  v_full timestamptz;
  v_months integer := 1;
  v_window integer := 2000;
  v_is_first boolean := true;
  v_walks boolean;
  v_walked integer;
  v_hits uuid[] := '{}';
  v_more uuid[];
  v_count integer;
begin
  if char_length(p_query) > 500 then
    perform private.fail(400, 'invalid_request', 'A search has up to 500 characters.');
  end if;
  if p_conversation is not null then
    v_conversation := private.find_conversation(v_user, p_conversation);
    if v_conversation is null then
      perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
    end if;
  end if;
  if p_to is not null and (p_to, 0) < (v_at, v_ordinal) then
    v_at := p_to;
    v_ordinal := 0;
  end if;

  select jsonb_agg(to_jsonb(t) order by t.place) into v_terms from private.search_terms(p_query) t;
  if v_terms is null then
    return;
  end if;
  v_words := (
    select array_agg(distinct a) from jsonb_array_elements(v_terms) t, jsonb_array_elements_text(t -> 'alternatives') as a);
  v_prefix := v_terms -> -1 ->> 'word';

  while cardinality(v_hits) < v_limit loop
    -- The next message back: months without any are passed over.
    v_newest := null;
    if v_conversation is null then
      select s.created_at into v_newest from private.message_search s
        where s.user_id = v_user and s.created_at >= v_from and (s.created_at, s.ordinal) < (v_at, v_ordinal)
        order by s.created_at desc, s.ordinal desc limit 1;
    else
      select s.created_at into v_newest from private.message_search s
        where s.conversation_id = v_conversation and s.user_id = v_user and s.created_at >= v_from
          and (s.created_at, s.ordinal) < (v_at, v_ordinal)
        order by s.created_at desc, s.ordinal desc limit 1;
    end if;
    exit when v_newest is null;
    v_start := (date_trunc('month', v_newest at time zone 'UTC') - make_interval(months => v_months - 1)) at time zone 'UTC';
    v_query := private.search_query(v_user, v_terms, v_conversation, p_type, v_newest, v_months);

    -- First of all a short walk: of a word that is everywhere, it finds a page at once.
    v_walks := v_is_first or (v_months = 1 and v_start = v_full);
    v_is_first := false;
    if not v_walks then
      with found as materialized (
        select s.message_id, s.user_id, s.conversation_id, s.created_at, s.ordinal from private.message_search s
          where s.document @@ v_query limit v_most_hits + 1),
      hits as (
        select f.message_id from found f
          where f.user_id = v_user and (v_conversation is null or f.conversation_id = v_conversation)
            and f.created_at >= greatest(v_from, v_start) and (f.created_at, f.ordinal) < (v_at, v_ordinal)
          order by f.created_at desc, f.ordinal desc limit v_limit - cardinality(v_hits))
      select (select count(*) from found), (select array_agg(h.message_id) from hits h) into v_count, v_more;
      if v_count <= v_most_hits then
        v_hits := v_hits || coalesce(v_more, '{}');
        v_at := v_start;
        v_ordinal := 0;
        v_months := least(v_months * 2, 64);
        continue;
      end if;
      if v_months > 1 then
        v_months := v_months / 2;
        continue;
      end if;
      v_full := v_start;
    end if;

    if v_conversation is null then
      with walked as materialized (
        select s.message_id, s.created_at, s.ordinal, s.document from private.message_search s
          where s.user_id = v_user and s.created_at >= greatest(v_from, v_start) and (s.created_at, s.ordinal) < (v_at, v_ordinal)
          order by s.created_at desc, s.ordinal desc limit v_window),
      hits as (
        select w.message_id, w.created_at, w.ordinal from walked w where w.document @@ v_query
          order by w.created_at desc, w.ordinal desc limit v_limit - cardinality(v_hits))
      select (select array_agg(h.message_id) from hits h), (select count(*) from walked), last.created_at, last.ordinal
        into v_more, v_walked, v_at, v_ordinal
        from (select 1) as one
        left join lateral (select * from walked w order by w.created_at, w.ordinal limit 1) as last on true;
    else
      with walked as materialized (
        select s.message_id, s.created_at, s.ordinal, s.document from private.message_search s
          where s.conversation_id = v_conversation and s.user_id = v_user and s.created_at >= greatest(v_from, v_start)
            and (s.created_at, s.ordinal) < (v_at, v_ordinal)
          order by s.created_at desc, s.ordinal desc limit v_window),
      hits as (
        select w.message_id, w.created_at, w.ordinal from walked w where w.document @@ v_query
          order by w.created_at desc, w.ordinal desc limit v_limit - cardinality(v_hits))
      select (select array_agg(h.message_id) from hits h), (select count(*) from walked), last.created_at, last.ordinal
        into v_more, v_walked, v_at, v_ordinal
        from (select 1) as one
        left join lateral (select * from walked w order by w.created_at, w.ordinal limit 1) as last on true;
    end if;
    v_hits := v_hits || coalesce(v_more, '{}');
    if v_walked < v_window then
      -- The month's end: on with the one before.
      v_at := v_start;
      v_ordinal := 0;
    end if;
    v_window := 8000;
  end loop;

  return query
    select m.id, m.conversation_id, m.session_id, c.external_id, c.kind, c.contact_name, c.contact_photo_url,
        m.sender_type, m.message_type, m.from_me, m.sender_jid, m.status, m.created_at, m.ordinal, s.snippet, s.highlights
      from unnest(v_hits) as h(id)
      join public.messages_new m on m.id = h.id and m.user_id = v_user
      join public.conversations_new c on c.id = m.conversation_id and c.user_id = v_user
      cross join lateral private.search_snippet(m.text_content, v_words, v_prefix) as s
      order by m.created_at desc, m.ordinal desc;
end
$$;

revoke all on function
  private.search_month(timestamptz), private.search_document(uuid, uuid, text, text, timestamptz),
  private.search_query(uuid, jsonb, uuid, text, timestamptz, integer)
  from public, anon, authenticated, service_role;
