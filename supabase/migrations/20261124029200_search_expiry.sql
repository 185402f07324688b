-- A message that has disappeared is not found any more, also in the moments before a host deletes it.

/**
 * Newest hits of a pattern in the spans from p_newest back to p_oldest that lie from p_from on and before (p_before_at,
 * p_before_ordinal): at most p_limit. Reads span after span and at most p_most hits; complete_to is the oldest span that was read whole,
 * above p_newest when not even that one was, and the hits are those of the spans read whole. May use nothing but the index of terms:
 * where few hits are wanted, the planner would rather look at every message.
 */
create or replace function private.search_hits(
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
    select o.message_id from (
        select a.message_id from all_hits a
          where a.span >= (select r.span from reached r) and a.user_id = p_user_id
            and (p_conversation_id is null or a.conversation_id = p_conversation_id)
            and a.created_at >= p_from and (a.created_at, a.ordinal) < (p_before_at, p_before_ordinal)
          order by a.created_at desc, a.ordinal desc offset 0) o
      -- One by one and no further than the page: "offset 0" keeps it from becoming a join with all hits.
      where not exists (
        select from public.messages_new m where m.id = o.message_id and m.expires_at <= now() offset 0)
      limit p_limit)
  select (select r.span from reached r), (select array_agg(n.message_id) from newest n) into complete_to, hits;
end
$$;

/**
 * A page of the calling user's messages that hold every word of the query, newest first. Words match without case and accents, also
 * in another Spanish or English form; the last one as a beginning, too. Filters: conversation (uuid or JID, an unknown one fails with
 * conversation_not_found), from (inclusive) and to (exclusive) by WhatsApp's time, kind of content. The cursor is the last row's
 * (created_at, ordinal). A query without words finds nothing.
 *
 * Goes back in time through the index, four days after four days, until the page is full. Days that are full of hits it walks back
 * message by message. What has disappeared is not found, also before a host has deleted it. So what a search costs depends on the days that it must look at and their hits, not on how much was ever written;
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
        select o.message_id from (
            select w.message_id from walked w where w.is_hit order by w.created_at desc, w.ordinal desc offset 0) o
          where not exists (
            select from public.messages_new m where m.id = o.message_id and m.expires_at <= now() offset 0)
          limit v_limit - cardinality(v_hits))
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
        select o.message_id from (
            select w.message_id from walked w where w.is_hit order by w.created_at desc, w.ordinal desc offset 0) o
          where not exists (
            select from public.messages_new m where m.id = o.message_id and m.expires_at <= now() offset 0)
          limit v_limit - cardinality(v_hits))
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
