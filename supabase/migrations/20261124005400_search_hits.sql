-- Searches use the index again. A month that nothing was known of was taken for one that is full of hits (a comparison with null), and
-- so every search walked through all messages. And hits are read by a function of its own, which may use nothing but the index of terms:
-- where few of them are wanted, the planner would rather look at every message.

/**
 * Newest hits of a query of terms that lie from p_from on and before (p_before_at, p_before_ordinal), at most p_limit, newest first, and
 * how many hits there are at any time; with more than p_most of them the answer is that there are more, and no hits.
 */
create function private.search_hits(
  p_user_id uuid, p_query tsquery, p_conversation_id uuid, p_from timestamptz, p_before_at timestamptz, p_before_ordinal bigint,
  p_limit integer, p_most integer, out hit_count integer, out hits uuid[]
)
  language plpgsql
  stable
  set search_path = ''
  set enable_seqscan = off
  set enable_indexscan = off
  set enable_indexonlyscan = off
  set jit = off
  -- A bitmap that forgets which messages it holds would have them read anew, and what is sorted would go through a file.
  set work_mem = '16MB'
as $$
begin
  with all_hits as materialized (
    select s.message_id, s.user_id, s.conversation_id, s.created_at, s.ordinal from private.message_search s
      where s.document @@ p_query limit p_most + 1),
  newest as (
    select a.message_id from all_hits a
      where a.user_id = p_user_id and (p_conversation_id is null or a.conversation_id = p_conversation_id)
        and a.created_at >= p_from and (a.created_at, a.ordinal) < (p_before_at, p_before_ordinal)
      order by a.created_at desc, a.ordinal desc limit p_limit)
  select (select count(*) from all_hits), (select array_agg(n.message_id) from newest n) into hit_count, hits;
end
$$;
comment on function private.search_hits(uuid, tsquery, uuid, timestamptz, timestamptz, bigint, integer, integer) is
  'Newest hits of a query of terms, and how many there are up to a bound.';
revoke all on function private.search_hits(uuid, tsquery, uuid, timestamptz, timestamptz, bigint, integer, integer)
  from public, anon, authenticated, service_role;

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
  -- More hits than that are not fetched to find the newest among them: in a month, where else every message is looked at, and in several.
  v_most_hits integer;
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
    v_walks := v_is_first or (v_months = 1 and v_start is not distinct from v_full);
    v_is_first := false;
    if not v_walks then
      v_most_hits := case v_months when 1 then 100000 else 5000 end;
      select h.hit_count, h.hits into v_count, v_more
        from private.search_hits(v_user, v_query, v_conversation, greatest(v_from, v_start), v_at, v_ordinal,
          v_limit - cardinality(v_hits), v_most_hits) h;
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
