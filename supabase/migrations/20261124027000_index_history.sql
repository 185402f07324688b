-- What a history brings is indexed after it is stored, a slice behind: beside what comes next, and of its words each is stemmed once.

/** As before; whoever has said that they index what they store is left to it (private.index_messages, in the same transaction). */
create or replace function private.index_new_messages() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if current_setting('gateway.indexes_itself', true) = 'on' then
    return null;
  end if;
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select id, user_id, conversation_id, coalesce(created_at, to_timestamp(0)), ordinal, message_type,
        private.search_document(user_id, conversation_id, message_type, text_content, coalesce(created_at, to_timestamp(0)))
      from new_rows where text_content <> '';
  return null;
end
$$;

/** What private.search_words says of each of these pieces of text, with blanks between its words, in their order. */
create function private.search_words_of(p_pieces text[]) returns text[]
  language sql
  immutable
  security definer
  set search_path = ''
as $$
  select array_agg(array_to_string(private.search_words(p.piece), ' ') order by p.n)
    from unnest(p_pieces) with ordinality as p(piece, n)
$$;
comment on function private.search_words_of(text[]) is 'Search words of pieces of text, with blanks between.';

/**
 * Puts messages into the search index whose words were looked up already: `p_words` holds of each what private.search_words says of its
 * text, with blanks between. Messages that are there, hidden or without a text are left alone. A transaction with the setting
 * gateway.indexes_itself on stores messages without indexing them; whoever sets it calls this. Nobody changes them meanwhile.
 */
create function private.index_messages(p_ids uuid[], p_words text[]) returns void
  language sql
  security definer
  set search_path = ''
as $$
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select m.id, m.user_id, m.conversation_id, m.created_at, m.ordinal, m.message_type,
        array_to_tsvector(
          string_to_array(s.scope || replace(w.words, ' ', ' ' || s.scope), ' ')
          || array[s.scope || '#' || left(m.conversation_id::text, 13), s.scope || '!' || m.message_type])
      from unnest(p_ids, p_words) as w(id, words)
      cross join lateral (
        select n.id, n.user_id, n.conversation_id, n.ordinal, n.message_type, n.text_content,
            coalesce(n.created_at, to_timestamp(0)) as created_at
          from public.messages_new n where n.id = w.id and n.text_content <> '' and n.hidden_at is null
          for share) m
      -- As private.search_scope and private.search_span; called for each message, they would cost more than the rest of it.
      cross join lateral (
        select left(m.user_id::text, 6) || lpad(to_hex(greatest(0, least(65535,
          floor(extract(epoch from m.created_at)::double precision / 345600)))::integer), 4, '0') as scope) s
    on conflict (message_id) do nothing
$$;
comment on function private.index_messages(uuid[], text[]) is 'Puts messages into the search index whose words were looked up already.';

revoke all on function private.index_messages(uuid[], text[]), private.search_words_of(text[])
  from public, anon, authenticated, service_role;
grant execute on function private.index_messages(uuid[], text[]), private.search_words_of(text[]) to session_host;

alter table private.history_chunks add column unindexed boolean not null default false;
comment on column private.history_chunks.unindexed is 'Messages of it may be stored and not be in the search index yet; false when all of it is.';

/** Puts messages of a session into the search index that an import which was interrupted has left out. The caller holds the lease. */
create function private.index_missing(p_session_id uuid) returns void
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if not exists (select from private.history_chunks c where c.session_id = p_session_id and c.unindexed) then
    return;
  end if;
  insert into private.message_search (message_id, user_id, conversation_id, created_at, ordinal, message_type, document)
    select m.id, m.user_id, m.conversation_id, coalesce(m.created_at, to_timestamp(0)), m.ordinal, m.message_type,
        private.search_document(m.user_id, m.conversation_id, m.message_type, m.text_content, coalesce(m.created_at, to_timestamp(0)))
      from public.messages_new m
      where m.session_id = p_session_id and m.text_content <> '' and m.hidden_at is null
        and not exists (select from private.message_search s where s.message_id = m.id)
      for share
    on conflict (message_id) do nothing;
  update private.history_chunks c set unindexed = false where c.session_id = p_session_id and c.unindexed;
end
$$;
comment on function private.index_missing(uuid) is 'Puts messages into the search index that an import which was interrupted has left out.';
revoke all on function private.index_missing(uuid) from public, anon, authenticated, service_role;
grant execute on function private.index_missing(uuid) to session_host;
