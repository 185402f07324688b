-- Search: a read model of every text and caption with its words and their stems, kept by triggers in the message's own transaction.
-- Every term begins with six digits of its owner's id, so one owner's terms have posting lists of their own: how much others write
-- changes neither the speed nor what is found.

/**
 * Text without case and accents (ñ becomes n): the form that names and words are compared in. Keeps the number of characters of a
 * text in NFC, so that a place in it is the same place in the original.
 */
create function private.fold(p_text text) returns text
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  if octet_length(p_text) = char_length(p_text) then
    return lower(p_text);
  end if;
  return lower(translate(
    normalize(regexp_replace(normalize(p_text, nfd), '[\u0300-\u036f]', '', 'g'), nfc),
    'øØłŁđĐı', 'oOlLdDi'));
end
$$;
comment on function private.fold(text) is 'Text without case and accents, of the same length in characters as the text in NFC.';

/** Puts blanks where punctuation was, so that Postgres' parser sees words and numbers and no addresses, paths or signed numbers. */
create function private.blank_punctuation(p_text text) returns text
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  return regexp_replace(p_text, '[!-/:-@\[-`{-~¡¿«»“”‘’…–—·•€]', ' ', 'g');
end
$$;
comment on function private.blank_punctuation(text) is 'Text with blanks where punctuation was.';

/** The search words of a text, some more than once: each folded word as it is, and its Spanish and English stem. */
create function private.search_words(p_text text) returns text[]
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
declare
  v_plain text := private.blank_punctuation(p_text);
  v_folded text := private.fold(v_plain);
  -- Stems of words with accents may keep some: año, ñandú.
  v_spanish text := private.fold(array_to_string(tsvector_to_array(to_tsvector('pg_catalog.spanish', v_plain)), ' '));
begin
  return tsvector_to_array(to_tsvector('pg_catalog.simple', v_folded) || to_tsvector('pg_catalog.english', v_folded))
    || string_to_array(v_spanish, ' ');
end
$$;
comment on function private.search_words(text) is 'Words of a text without accents, and their Spanish and English stems.';

/** What an owner's terms begin with. Two owners with the same digits only share posting lists: every hit is checked for its owner. */
create function private.search_scope(p_user_id uuid) returns text
  language sql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
  select left(p_user_id::text, 6)
$$;
comment on function private.search_scope(uuid) is 'First six digits of an owner''s id, with which their search terms begin.';

/** The terms by which a message is found: its words, its conversation and its kind. No word begins with # or !. */
create function private.search_document(p_user_id uuid, p_conversation_id uuid, p_message_type text, p_text text) returns tsvector
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
declare
  v_scope text := left(p_user_id::text, 6);
begin
  -- Through a string: faster than a query over the words, and no word holds a blank.
  return array_to_tsvector(
    string_to_array(v_scope || array_to_string(private.search_words(p_text), ' ' || v_scope), ' ')
    || array[v_scope || '#' || left(p_conversation_id::text, 13), v_scope || '!' || p_message_type]);
end
$$;
comment on function private.search_document(uuid, uuid, text, text) is 'Terms by which a message is found.';

create table private.message_search (
  message_id uuid primary key,
  user_id uuid not null,
  conversation_id uuid not null,
  created_at timestamptz not null,
  ordinal bigint not null check (ordinal >= 1),
  message_type text not null,
  document tsvector not null
);
comment on table private.message_search is
  'Search terms of every message with a text or caption. Kept by triggers on messages_new; holds nothing that is not derived from there.';
comment on column private.message_search.message_id is 'Message. No foreign key: a delete trigger takes the row with it, which costs an import less.';
comment on column private.message_search.user_id is 'Owner.';
comment on column private.message_search.conversation_id is 'Conversation.';
comment on column private.message_search.created_at is 'WhatsApp''s time of the message, as there.';
comment on column private.message_search.ordinal is 'Order of arrival, as there.';
comment on column private.message_search.message_type is 'Kind of content, as there.';
comment on column private.message_search.document is 'Terms: six digits of the owner''s id and a word, a stem, # and the conversation, or ! and the kind.';

alter table private.message_search enable row level security;

insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
  select id, user_id, conversation_id, coalesce(created_at, to_timestamp(0)), ordinal, message_type,
      private.search_document(user_id, conversation_id, message_type, text_content)
    from public.messages_new where text_content <> '';

create index message_search_user_idx on private.message_search (user_id, created_at desc, ordinal desc);
create index message_search_conversation_idx on private.message_search (conversation_id, created_at desc, ordinal desc);
-- A short pending list: every search reads it through.
create index message_search_document_idx on private.message_search using gin (document) with (gin_pending_list_limit = 512);

create function private.index_new_messages() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select id, user_id, conversation_id, coalesce(created_at, to_timestamp(0)), ordinal, message_type,
        private.search_document(user_id, conversation_id, message_type, text_content)
      from new_rows where text_content <> '';
  return null;
end
$$;
comment on function private.index_new_messages() is 'Trigger: puts new messages into the search index.';

create function private.index_changed_message() returns trigger
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
        new.message_type, private.search_document(new.user_id, new.conversation_id, new.message_type, new.text_content))
      on conflict (message_id) do update set
        conversation_id = excluded.conversation_id, created_at = excluded.created_at, ordinal = excluded.ordinal,
        message_type = excluded.message_type, document = excluded.document;
  end if;
  return null;
end
$$;
comment on function private.index_changed_message() is 'Trigger: keeps the search index true to an edited, deleted or moved message.';

create function private.unindex_deleted_messages() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  delete from private.message_search s using old_rows o where s.message_id = o.id;
  return null;
end
$$;
comment on function private.unindex_deleted_messages() is 'Trigger: takes deleted messages out of the search index.';

create trigger messages_new_index_new after insert on public.messages_new
  referencing new table as new_rows for each statement execute function private.index_new_messages();
create trigger messages_new_index_changed
  after update of text_content, message_type, conversation_id, created_at, ordinal on public.messages_new
  for each row when (
    (old.text_content, old.message_type, old.conversation_id, old.created_at, old.ordinal)
      is distinct from (new.text_content, new.message_type, new.conversation_id, new.created_at, new.ordinal))
  execute function private.index_changed_message();
create trigger messages_new_unindex after delete on public.messages_new
  referencing old table as old_rows for each statement execute function private.unindex_deleted_messages();

/** The words of a search in order, at most 16, each with what it may stand for: itself folded, its stems. */
create function private.search_terms(p_query text) returns table (place integer, word text, alternatives text[])
  language sql
  stable
  set search_path = ''
as $$
  with query as (select private.blank_punctuation(p_query) as plain),
  lexemes as (
    select p.place, l.lexeme, true as is_word
      from query, unnest(to_tsvector('pg_catalog.simple', private.fold(plain))) as l, unnest(l.positions) as p(place)
    union all
    select p.place, l.lexeme, false
      from query, unnest(to_tsvector('pg_catalog.english', private.fold(plain))) as l, unnest(l.positions) as p(place)
    union all
    select p.place, private.fold(l.lexeme), false
      from query, unnest(to_tsvector('pg_catalog.spanish', plain)) as l, unnest(l.positions) as p(place))
  select place, max(lexeme) filter (where is_word), array_agg(distinct lexeme)
    from lexemes group by place having bool_or(is_word) order by place limit 16
$$;
comment on function private.search_terms(text) is 'Words of a search in order, at most 16, each with its stems.';

/**
 * A bounded excerpt of a text around its first hit, and the hits in it as [[from, to], …) in UTF-16 code units, the way JavaScript's
 * slice counts. `p_words` are the words and stems sought, `p_prefix` is what the last word begins with.
 */
create function private.search_snippet(p_text text, p_words text[], p_prefix text, out snippet text, out highlights jsonb)
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_length constant integer := 160;
  v_lead constant integer := 40;
  -- Hits further back are not looked for: the excerpt is then the beginning.
  v_text text := left(normalize(p_text, nfc), 20000);
  v_folded text := private.fold(v_text);
  -- A stem's last letter may differ from its word's: happy, happi.
  v_pattern text := '\m(?:' || (
    select string_agg(regexp_replace(case when char_length(w) > 3 then left(w, -1) else w end, '(\W)', '\\\1', 'g'), '|')
      from unnest(p_words) as w) || ')\w*';
  v_from integer := 1;
  v_at integer := 1;
  v_start integer;
  v_end integer;
  v_found integer[] := '{}';
  v_word text;
begin
  highlights := '[]';
  if char_length(v_folded) = char_length(v_text) then
    -- Bounded: words that only look like a hit are passed over.
    for i in 1 .. 200 loop
      v_start := regexp_instr(v_folded, v_pattern, v_at, 1, 0);
      exit when v_start = 0 or (cardinality(v_found) > 0 and v_start >= v_from + v_length);
      v_end := regexp_instr(v_folded, v_pattern, v_at, 1, 1);
      v_word := substr(v_folded, v_start, v_end - v_start);
      if starts_with(v_word, p_prefix)
        or private.search_words(substr(v_text, v_start, v_end - v_start)) && p_words then
        if cardinality(v_found) = 0 and v_start > v_lead + 1 then
          v_from := v_start - v_lead;
          -- From the start of a word on, where one starts in time.
          v_from := v_from + greatest(0, coalesce(
            nullif(regexp_instr(substr(v_folded, v_from, v_lead), '\s\S'), 0), 0));
        end if;
        v_found := v_found || v_start || v_end;
      end if;
      v_at := v_end;
    end loop;
  end if;
  snippet := substr(v_text, v_from, v_length);
  for i in 1 .. cardinality(v_found) / 2 loop
    highlights := highlights || jsonb_build_array(jsonb_build_array(
      private.utf16_length(substr(v_text, v_from, v_found[2 * i - 1] - v_from)),
      private.utf16_length(substr(v_text, v_from, least(v_found[2 * i] - v_from, v_length)))));
  end loop;
end
$$;
comment on function private.search_snippet(text, text[], text) is 'Excerpt of a text around its first hit, with the hits'' places in UTF-16 code units.';

/** Length in UTF-16 code units: characters beyond U+FFFF, such as most emoji, count twice. */
create function private.utf16_length(p_text text) returns integer
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
begin
  return char_length(p_text) + regexp_count(p_text, '[\U00010000-\U0010ffff]');
end
$$;
comment on function private.utf16_length(text) is 'Length in UTF-16 code units.';

/**
 * A page of the calling user's messages that hold every word of the query, newest first. Words match without case and accents, also
 * in another Spanish or English form; the last one as a beginning, too. Filters: conversation (uuid or JID, an unknown one fails with
 * conversation_not_found), from (inclusive) and to (exclusive) by WhatsApp's time, kind of content. The cursor is the last row's
 * (created_at, ordinal). A query without words finds nothing.
 *
 * Frequent words are found by walking back from the newest message, rare ones through the index; the walk is tried first and bounded,
 * then the index up to a bounded number of hits, then the walk goes on: whichever is right for a word costs little more than alone.
 */
create function private.search_messages(
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
  v_most_hits constant integer := 50000;
  v_user uuid := private.require_user();
  v_scope text := private.search_scope(v_user);
  v_conversation uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_from timestamptz := coalesce(p_from, '-infinity');
  v_before_at timestamptz := coalesce(p_before_at, 'infinity');
  v_before_ordinal bigint := coalesce(p_before_ordinal, 9223372036854775807);
  v_at timestamptz;
  v_ordinal bigint;
  v_query tsquery;
  v_words text[];
  v_prefix text;
  v_window integer := 2000;
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
  if p_to is not null and (p_to, 0) < (v_before_at, v_before_ordinal) then
    v_before_at := p_to;
    v_before_ordinal := 0;
  end if;

  with terms as (select t.*, t.place = max(t.place) over () as is_last from private.search_terms(p_query) t)
  select
      string_agg('(' || (
          select string_agg(quote_literal(v_scope || a), ' | ') from unnest(t.alternatives) as a)
        || case when t.is_last then ' | ' || quote_literal(v_scope || t.word) || ':*' else '' end || ')', ' & ')::tsquery,
      (select array_agg(distinct a) from terms u, unnest(u.alternatives) as a),
      max(t.word) filter (where t.is_last)
    into v_query, v_words, v_prefix
    from terms t;
  if v_query is null then
    return;
  end if;
  if v_conversation is not null then
    v_query := v_query && quote_literal(v_scope || '#' || left(v_conversation::text, 13))::tsquery;
  end if;
  if p_type is not null then
    v_query := v_query && quote_literal(v_scope || '!' || p_type)::tsquery;
  end if;

  v_at := v_before_at;
  v_ordinal := v_before_ordinal;
  loop
    if v_conversation is null then
      with walked as materialized (
        select s.message_id, s.created_at, s.ordinal, s.document from private.message_search s
          where s.user_id = v_user and s.created_at >= v_from and (s.created_at, s.ordinal) < (v_at, v_ordinal)
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
          where s.conversation_id = v_conversation and s.user_id = v_user and s.created_at >= v_from
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
    exit when cardinality(v_hits) >= v_limit or v_walked < v_window;

    if v_window = 2000 then
      with found as materialized (
        select s.message_id, s.user_id, s.conversation_id, s.created_at, s.ordinal from private.message_search s
          where s.document @@ v_query limit v_most_hits + 1),
      hits as (
        select f.message_id from found f
          where f.user_id = v_user and (v_conversation is null or f.conversation_id = v_conversation)
            and f.created_at >= v_from and (f.created_at, f.ordinal) < (v_before_at, v_before_ordinal)
          order by f.created_at desc, f.ordinal desc limit v_limit)
      select (select count(*) from found), (select array_agg(h.message_id) from hits h) into v_count, v_more;
      if v_count <= v_most_hits then
        v_hits := coalesce(v_more, '{}');
        exit;
      end if;
    end if;
    v_window := v_window * 4;
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

create function public.search_messages(
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
  select * from private.search_messages(
    p_query, p_conversation, p_from, p_to, p_type, p_limit, p_before_at, p_before_ordinal)
$$;
comment on function private.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint) is
  'Definer half of public.search_messages.';
comment on function public.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint) is
  'Your messages that hold every word, newest first: without case and accents, in other Spanish and English forms, the last word as a beginning. Pass the last row''s created_at and ordinal to go on. highlights are [from, to) in UTF-16 code units of snippet.';

revoke all on function
  private.fold(text), private.blank_punctuation(text), private.search_words(text), private.search_scope(uuid),
  private.search_document(uuid, uuid, text, text), private.index_new_messages(), private.index_changed_message(),
  private.unindex_deleted_messages(), private.search_terms(text), private.search_snippet(text, text[], text),
  private.utf16_length(text),
  private.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint),
  public.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint)
  from public, anon, authenticated, service_role;
grant execute on function
  private.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint),
  public.search_messages(text, text, timestamptz, timestamptz, text, integer, timestamptz, bigint)
  to authenticated;
