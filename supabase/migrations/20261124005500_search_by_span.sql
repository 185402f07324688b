-- Terms carry the four days of their message instead of the month. A month of somebody who writes a lot held too many hits to find the
-- newest among them in time; and a query over many months at once asked of every message about each of them.

/** The span of four days that a time lies in, counted in UTC from 1970. What lies before 1970 is in the first one. */
create function private.search_span(p_at timestamptz) returns integer
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  return greatest(0, least(65535, floor(extract(epoch from p_at)::double precision / 345600)))::integer;
end
$$;
comment on function private.search_span(timestamptz) is 'The span of four days that a time lies in, counted in UTC from 1970.';

drop function private.search_scope(uuid);

/** What the terms of an owner's messages of a span begin with: six digits of the owner's id and four of the span. */
create function private.search_scope(p_user_id uuid, p_span integer) returns text
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  return left(p_user_id::text, 6) || lpad(to_hex(p_span), 4, '0');
end
$$;
comment on function private.search_scope(uuid, integer) is 'Six digits of an owner''s id and four of a span of days, with which search terms begin.';

create or replace function private.search_document(
  p_user_id uuid, p_conversation_id uuid, p_message_type text, p_text text, p_at timestamptz
) returns tsvector
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
declare
  v_scope text := private.search_scope(p_user_id, private.search_span(p_at));
begin
  -- Through a string: faster than a query over the words, and no word holds a blank.
  return array_to_tsvector(
    string_to_array(v_scope || array_to_string(private.search_words(p_text), ' ' || v_scope), ' ')
    || array[v_scope || '#' || left(p_conversation_id::text, 13), v_scope || '!' || p_message_type]);
end
$$;
comment on column private.message_search.document is
  'Terms: six digits of the owner''s id, four of the span of days, and a word, a stem, # and the conversation, or ! and the kind.';

drop index private.message_search_document_idx;
update private.message_search s
  set document = private.search_document(s.user_id, s.conversation_id, s.message_type, m.text_content, s.created_at)
  from public.messages_new m where m.id = s.message_id;
create index message_search_document_idx on private.message_search using gin (document) with (gin_pending_list_limit = 512);

drop function private.search_query(uuid, jsonb, uuid, text, timestamptz, integer);
drop function private.search_hits(uuid, tsquery, uuid, timestamptz, timestamptz, bigint, integer, integer);
drop function private.search_month(timestamptz);

/**
 * The query for the words of a search, as text with the character 1 where the scope belongs. `p_terms` is what search_terms answers, as
 * [{place, word, alternatives}] in order. A conversation and a kind, where given, must be there as well.
 */
create function private.search_pattern(p_terms jsonb, p_conversation_id uuid, p_type text) returns text
  language plpgsql
  immutable
  set search_path = ''
as $$
declare
  v_pattern text;
begin
  select string_agg('(' || (
        select string_agg(quote_literal(chr(1) || a), ' | ') from jsonb_array_elements_text(t.term -> 'alternatives') as a)
      || case when t.n = jsonb_array_length(p_terms) then ' | ' || quote_literal(chr(1) || (t.term ->> 'word')) || ':*' else '' end
      || ')', ' & ')
    into v_pattern from jsonb_array_elements(p_terms) with ordinality as t(term, n);
  if p_conversation_id is not null then
    v_pattern := v_pattern || ' & ' || quote_literal(chr(1) || '#' || left(p_conversation_id::text, 13));
  end if;
  if p_type is not null then
    v_pattern := v_pattern || ' & ' || quote_literal(chr(1) || '!' || p_type);
  end if;
  return v_pattern;
end
$$;
comment on function private.search_pattern(jsonb, uuid, text) is 'Query for the words of a search, with the character 1 where the scope belongs.';

/**
 * Newest hits of a pattern in the spans from p_newest back to p_oldest that lie from p_from on and before (p_before_at,
 * p_before_ordinal): at most p_limit. Reads span after span and at most p_most hits; complete_to is the oldest span that was read whole,
 * above p_newest when not even that one was, and the hits are those of the spans read whole. May use nothing but the index of terms:
 * where few hits are wanted, the planner would rather look at every message.
 */
create function private.search_hits(
  p_user_id uuid, p_pattern text, p_conversation_id uuid, p_from timestamptz, p_before_at timestamptz, p_before_ordinal bigint,
  p_newest integer, p_oldest integer, p_limit integer, p_most integer, out complete_to integer, out hits uuid[]
)
  language plpgsql
  stable
  set search_path = ''
  set enable_seqscan = off
  set enable_indexscan = off
  set enable_indexonlyscan = off
  set jit = off
as $$
begin
  with all_hits as materialized (
    select n.span, h.message_id, h.user_id, h.conversation_id, h.created_at, h.ordinal
      from generate_series(p_newest, p_oldest, -1) as n(span)
      cross join lateral (
        select s.* from private.message_search s
          where s.document @@ replace(p_pattern, chr(1), private.search_scope(p_user_id, n.span))::tsquery
          offset 0) h
      limit p_most + 1),
  reached as (select case when count(*) > p_most then min(span) + 1 else p_oldest end as span from all_hits),
  newest as (
    select a.message_id from all_hits a
      where a.span >= (select r.span from reached r) and a.user_id = p_user_id
        and (p_conversation_id is null or a.conversation_id = p_conversation_id)
        and a.created_at >= p_from and (a.created_at, a.ordinal) < (p_before_at, p_before_ordinal)
      order by a.created_at desc, a.ordinal desc limit p_limit)
  select (select r.span from reached r), (select array_agg(n.message_id) from newest n) into complete_to, hits;
end
$$;
comment on function private.search_hits(uuid, text, uuid, timestamptz, timestamptz, bigint, integer, integer, integer, integer) is
  'Newest hits of a pattern in spans of days, and how far back they were read whole.';

/**
 * A page of the calling user's messages that hold every word of the query, newest first. Words match without case and accents, also
 * in another Spanish or English form; the last one as a beginning, too. Filters: conversation (uuid or JID, an unknown one fails with
 * conversation_not_found), from (inclusive) and to (exclusive) by WhatsApp's time, kind of content. The cursor is the last row's
 * (created_at, ordinal). A query without words finds nothing.
 *
 * Goes back in time through the index, four days after four days, until the page is full. Days that are full of hits it walks back
 * message by message. So what a search costs depends on the days that it must look at and their hits, not on how much was ever written;
 * and nothing is left out.
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
  -- Hits that are fetched at once.
  v_most_hits constant integer := 5000;
  v_user uuid := private.require_user();
  v_conversation uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_from timestamptz := coalesce(p_from, '-infinity');
  v_at timestamptz := coalesce(p_before_at, 'infinity');
  v_ordinal bigint := coalesce(p_before_ordinal, 9223372036854775807);
  v_terms jsonb;
  v_pattern text;
  v_query tsquery;
  v_words text[];
  v_prefix text;
  v_newest timestamptz;
  v_span integer;
  v_start timestamptz;
  v_complete_to integer;
  -- Spans with more hits than are fetched.
  v_full integer := -1;
  v_batch integer := 8;
  v_window integer := 1000;
  v_is_first boolean := true;
  v_walked integer;
  v_hits uuid[] := '{}';
  v_more uuid[];
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
  v_pattern := private.search_pattern(v_terms, v_conversation, p_type);

  while cardinality(v_hits) < v_limit loop
    -- The next message back: days without any are passed over.
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
    v_span := private.search_span(v_newest);

    -- First of all a short walk: of a word that is everywhere, it finds a page at once.
    if not v_is_first and v_span <> v_full then
      select h.complete_to, h.hits into v_complete_to, v_more
        from private.search_hits(v_user, v_pattern, v_conversation, v_from, v_at, v_ordinal, v_span,
          greatest(private.search_span(v_from), v_span - v_batch + 1), v_limit - cardinality(v_hits), v_most_hits) h;
      if v_complete_to <= v_span then
        v_hits := v_hits || coalesce(v_more, '{}');
        exit when v_complete_to = 0;
        v_at := to_timestamp(v_complete_to * 345600.0);
        v_ordinal := 0;
        v_batch := least(v_batch * 4, 256);
        continue;
      end if;
      v_full := v_span;
    end if;
    v_is_first := false;

    v_start := case v_span when 0 then '-infinity' else to_timestamp(v_span * 345600.0) end;
    v_query := replace(v_pattern, chr(1), private.search_scope(v_user, v_span))::tsquery;
    if v_conversation is null then
      with walked as materialized (
        select s.message_id, s.created_at, s.ordinal, s.document @@ v_query as is_hit from private.message_search s
          where s.user_id = v_user and s.created_at >= greatest(v_from, v_start)
            and (s.created_at, s.ordinal) < (v_at, v_ordinal)
          order by s.created_at desc, s.ordinal desc limit v_window),
      hits as (
        select w.message_id from walked w where w.is_hit
          order by w.created_at desc, w.ordinal desc limit v_limit - cardinality(v_hits))
      select (select array_agg(h.message_id) from hits h), (select count(*) from walked), last.created_at, last.ordinal
        into v_more, v_walked, v_at, v_ordinal
        from (select 1) as one
        left join lateral (select w.created_at, w.ordinal from walked w order by w.created_at, w.ordinal limit 1) as last on true;
    else
      with walked as materialized (
        select s.message_id, s.created_at, s.ordinal, s.document @@ v_query as is_hit from private.message_search s
          where s.conversation_id = v_conversation and s.user_id = v_user and s.created_at >= greatest(v_from, v_start)
            and (s.created_at, s.ordinal) < (v_at, v_ordinal)
          order by s.created_at desc, s.ordinal desc limit v_window),
      hits as (
        select w.message_id from walked w where w.is_hit
          order by w.created_at desc, w.ordinal desc limit v_limit - cardinality(v_hits))
      select (select array_agg(h.message_id) from hits h), (select count(*) from walked), last.created_at, last.ordinal
        into v_more, v_walked, v_at, v_ordinal
        from (select 1) as one
        left join lateral (select w.created_at, w.ordinal from walked w order by w.created_at, w.ordinal limit 1) as last on true;
    end if;
    v_hits := v_hits || coalesce(v_more, '{}');
    if v_walked < v_window then
      -- The span's beginning: on with the one before.
      exit when v_span = 0;
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
  private.search_span(timestamptz), private.search_scope(uuid, integer), private.search_pattern(jsonb, uuid, text),
  private.search_hits(uuid, text, uuid, timestamptz, timestamptz, bigint, integer, integer, integer, integer)
  from public, anon, authenticated, service_role;
