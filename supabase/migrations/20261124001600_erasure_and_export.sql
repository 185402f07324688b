-- Erasure and export of one user's data: everything and only theirs.

-- A session's own outbox goes with its session, so what is to be done at Storage afterwards stands here.
create table private.erasures (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  status text not null default 'rows' check (status in ('rows', 'erase_media', 'done', 'dead')),
  removed jsonb not null default '{}' check (jsonb_typeof(removed) = 'object'),
  media_prefix text not null check (media_prefix ~ '^[0-9a-f-]{36}/$'),
  media_removed integer not null default 0 check (media_removed >= 0),
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  requested_at timestamptz not null default now(),
  finished_at timestamptz
);
comment on table private.erasures is
  'Reports of erasures, and the command erase_media that a host carries out after the rows: delete every storage object under media_prefix. Ids and numbers only; kept as the proof.';
comment on column private.erasures.id is 'Order of request.';
comment on column private.erasures.user_id is 'Whose data. No reference: the account may be gone.';
comment on column private.erasures.status is 'rows: still deleting rows; erase_media: rows are gone, a host deletes the objects; done; dead: the objects could not be deleted.';
comment on column private.erasures.removed is 'How many rows went, by table.';
comment on column private.erasures.media_prefix is 'Storage folder of the user.';
comment on column private.erasures.media_removed is 'How many storage objects went.';
comment on column private.erasures.attempts is 'How often erase_media was claimed.';
comment on column private.erasures.next_attempt_at is 'Not before; also the end of a claim.';
comment on column private.erasures.requested_at is 'When the erasure began.';
comment on column private.erasures.finished_at is 'When it was done or dead.';
create unique index erasures_open_idx on private.erasures (user_id) where status = 'rows';
create index erasures_media_idx on private.erasures (next_attempt_at) where status = 'erase_media';
alter table private.erasures enable row level security;
grant select on private.erasures to service_role;

create index session_commands_user_id_idx on private.session_commands (user_id, id);
create index conversation_merges_user_id_idx on private.conversation_merges (user_id, old_id);

/** How many rows a user has in each table of this product that names its owner or its session. */
create function private.count_rows_of(p_user_id uuid) returns jsonb
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_table record;
  v_count bigint;
  v_counts jsonb := '{}';
begin
  for v_table in
    select n.nspname, c.relname, bool_or(a.attname = 'user_id') as has_owner
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname in ('user_id', 'session_id') and a.attnum > 0
      where n.nspname in ('public', 'private') and c.relkind = 'r'
        and not (n.nspname = 'private' and c.relname = 'erasures')
      group by n.nspname, c.relname
      order by n.nspname desc, c.relname
  loop
    if v_table.has_owner then
      execute format('select count(*) from %I.%I where user_id = $1', v_table.nspname, v_table.relname)
        into v_count using p_user_id;
    else
      execute format('select count(*) from %I.%I where session_id in (select id from public.whatsapp_sessions where user_id = $1)',
        v_table.nspname, v_table.relname)
        into v_count using p_user_id;
    end if;
    if v_count > 0 then
      v_counts := v_counts || jsonb_build_object(v_table.nspname || '.' || v_table.relname, v_count);
    end if;
  end loop;
  return v_counts;
end
$$;
comment on function private.count_rows_of(uuid) is 'How many rows a user has, by table; tables without any are left out.';

/** Adds the numbers of two reports. */
create function private.add_counts(p_a jsonb, p_b jsonb) returns jsonb
  language sql
  immutable
  set search_path = ''
as $$
  select coalesce(jsonb_object_agg(key, value) filter (where value > 0), '{}') from (
    select key, sum(value::bigint) as value
      from (select * from jsonb_each_text(p_a) union all select * from jsonb_each_text(p_b)) both_of group by key) sums
$$;
comment on function private.add_counts(jsonb, jsonb) is 'Sum of two reports by table.';

/**
 * Erases all of a user's rows, at most p_limit messages a call so that each is short; call again until `done`. The account itself
 * stays: delete it in Supabase Auth. No host can write for the sessions from the first call on. A linked phone stays in WhatsApp's
 * list of devices: log out first. Answers {erasure_id, done, removed: {table: rows, …}, media: {command: "erase_media", prefix}}.
 */
create function private.erase_user(p_user_id uuid, p_limit integer default 20000) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_erasure private.erasures;
  v_counts jsonb;
  v_messages uuid[];
  v_commands bigint;
  v_receipts bigint;
  v_left jsonb;
begin
  if p_user_id is null or p_limit < 1 then
    perform private.fail(400, 'invalid_request', 'Name a user.');
  end if;
  insert into private.erasures (user_id, media_prefix) values (p_user_id, p_user_id::text || '/')
    on conflict (user_id) where status = 'rows' do nothing;
  select * into v_erasure from private.erasures where user_id = p_user_id and status = 'rows' for update;

  -- Writers hold the lease row until their commit; without it nobody writes for these sessions, and nobody may take it.
  perform from public.whatsapp_sessions where user_id = p_user_id order by id for update;
  update public.whatsapp_sessions set desired = 'stopped', linked_at = null where user_id = p_user_id and (desired <> 'stopped' or linked_at is not null);
  with gone as (
    delete from private.session_leases where session_id in (
      select id from public.whatsapp_sessions where user_id = p_user_id) returning 1)
  select case when count(*) > 0 then jsonb_build_object('private.session_leases', count(*)) else '{}' end into v_counts from gone;

  -- What refers to messages goes by itself, too, but would not be counted.
  v_messages := array(select id from public.messages_new where user_id = p_user_id order by ordinal limit p_limit);
  delete from private.session_commands where user_id = p_user_id;
  get diagnostics v_commands = row_count;
  delete from public.message_receipts where message_id = any (v_messages);
  get diagnostics v_receipts = row_count;
  delete from public.messages_new where id = any (v_messages);
  v_counts := private.add_counts(v_counts, jsonb_build_object('private.session_commands', v_commands,
    'public.message_receipts', v_receipts, 'public.messages_new', cardinality(v_messages)));
  if exists (select from public.messages_new where user_id = p_user_id) then
    update private.erasures set removed = private.add_counts(removed, v_counts) where id = v_erasure.id returning * into v_erasure;
    return jsonb_build_object('erasure_id', v_erasure.id, 'done', false, 'removed', v_erasure.removed,
      'media', jsonb_build_object('command', 'erase_media', 'prefix', v_erasure.media_prefix));
  end if;

  v_counts := private.add_counts(v_counts, private.count_rows_of(p_user_id));
  delete from private.idempotency_keys where user_id = p_user_id;
  delete from private.socket_connections where user_id = p_user_id;
  delete from public.session_events where user_id = p_user_id;
  delete from public.conversations_new where user_id = p_user_id;
  delete from public.whatsapp_sessions where user_id = p_user_id;
  delete from public.personalities where user_id = p_user_id;
  v_left := private.count_rows_of(p_user_id);
  if v_left <> '{}' then
    -- A table that nothing above reaches: better no erasure than half of one that says it is whole.
    raise exception 'rows of the user are left: %', v_left;
  end if;
  update private.erasures set removed = private.add_counts(removed, v_counts), status = 'erase_media', next_attempt_at = now()
    where id = v_erasure.id returning * into v_erasure;
  perform pg_notify('session_wake', 'erase_media');
  return jsonb_build_object('erasure_id', v_erasure.id, 'done', true, 'removed', v_erasure.removed,
    'media', jsonb_build_object('command', 'erase_media', 'prefix', v_erasure.media_prefix));
end
$$;
comment on function private.erase_user(uuid, integer) is 'Definer half of public.erase_user.';

create function public.erase_user(p_user_id uuid, p_limit integer default 20000) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.erase_user(p_user_id, p_limit)
$$;
comment on function public.erase_user(uuid, integer) is
  'For administrators (service key): erases one user''s rows, at most p_limit messages a call; call until done. Answers {erasure_id, done, removed, media}; a host deletes the storage objects after that.';

/**
 * Claims erasures whose storage objects are to be deleted now, for p_seconds: {id, user_id, media_prefix}. A host then deletes every
 * object under the prefix through the Storage API and calls finish_media_erasure; what it does not finish may be claimed again then.
 */
create function private.claim_media_erasures(p_limit integer default 1, p_seconds double precision default 300)
  returns table (id bigint, user_id uuid, media_prefix text)
  language sql
  security definer
  set search_path = ''
as $$
  update private.erasures e set attempts = e.attempts + 1, next_attempt_at = now() + make_interval(secs => p_seconds)
    where e.id in (
      select c.id from private.erasures c where c.status = 'erase_media' and c.next_attempt_at <= now()
        order by c.next_attempt_at limit p_limit for update skip locked)
    returning e.id, e.user_id, e.media_prefix
$$;
comment on function private.claim_media_erasures(integer, double precision) is 'Claims the command erase_media for a host.';

/** Reports objects deleted. Done when none are left; otherwise it may be claimed again in a minute, and is dead after 20 claims. */
create function private.finish_media_erasure(p_id bigint, p_removed integer, p_done boolean) returns void
  language sql
  security definer
  set search_path = ''
as $$
  update private.erasures set
      media_removed = media_removed + greatest(p_removed, 0),
      status = case when p_done then 'done' when attempts >= 20 then 'dead' else status end,
      next_attempt_at = now() + interval '1 minute',
      finished_at = case when p_done or attempts >= 20 then now() end
    where id = p_id and status = 'erase_media'
$$;
comment on function private.finish_media_erasure(bigint, integer, boolean) is 'Reports how far the command erase_media has come.';

/**
 * A page of all that is kept of a user: {table, rows, next}. Pass next as p_cursor until it is null; every table comes, also those
 * without rows. Keys and credentials of the WhatsApp account are not data about the user and stay. Files are at the storage paths in
 * media_url.
 */
create function private.export_user(p_user_id uuid, p_cursor jsonb default null, p_limit integer default 500) returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  -- Table, and the two parts of its key with their types.
  v_tables constant text[][] := array[
    ['public.whatsapp_sessions', 'id', 'uuid', 'id', 'uuid'],
    ['public.personalities', 'id', 'uuid', 'id', 'uuid'],
    ['public.contacts', 'id', 'uuid', 'id', 'uuid'],
    ['public.contact_identities', 'session_id', 'uuid', 'jid', 'text'],
    ['public.conversations_new', 'id', 'uuid', 'id', 'uuid'],
    ['private.conversation_merges', 'old_id', 'uuid', 'old_id', 'uuid'],
    ['public.groups', 'conversation_id', 'uuid', 'conversation_id', 'uuid'],
    ['public.group_participants', 'conversation_id', 'uuid', 'jid', 'text'],
    ['public.messages_new', 'ordinal', 'bigint', 'ordinal', 'bigint'],
    ['public.message_receipts', 'message_id', 'uuid', 'participant_jid', 'text'],
    ['public.session_events', 'session_id', 'uuid', 'seq', 'bigint'],
    ['private.session_commands', 'id', 'bigint', 'id', 'bigint'],
    ['private.idempotency_keys', 'key', 'text', 'key', 'text']];
  v_limit integer := least(greatest(coalesce(p_limit, 500), 1), 1000);
  v_table integer := 1;
  v_rows jsonb;
  v_count integer;
  v_key1 text;
  v_key2 text;
begin
  if p_cursor is not null then
    for i in 1 .. array_length(v_tables, 1) loop
      if v_tables[i][1] = p_cursor ->> 0 then
        v_table := i;
        exit;
      end if;
      if i = array_length(v_tables, 1) then
        perform private.fail(400, 'invalid_cursor', 'Start from the first page.');
      end if;
    end loop;
  end if;
  begin
    execute format(
      'select jsonb_agg(to_jsonb(t) order by t.%2$I, t.%4$I), count(*) from (
         select * from %1$s where user_id = $1 and ($2 is null or (%2$I, %4$I) > ($2::%3$s, $3::%5$s))
           order by %2$I, %4$I limit $4) t',
      v_tables[v_table][1], v_tables[v_table][2], v_tables[v_table][3], v_tables[v_table][4], v_tables[v_table][5])
      into v_rows, v_count using p_user_id, p_cursor ->> 1, p_cursor ->> 2, v_limit;
  exception when data_exception then
    perform private.fail(400, 'invalid_cursor', 'Start from the first page.');
  end;
  if v_count = v_limit then
    v_key1 := v_rows -> -1 ->> v_tables[v_table][2];
    v_key2 := v_rows -> -1 ->> v_tables[v_table][4];
  end if;
  return jsonb_build_object(
    'table', v_tables[v_table][1],
    'rows', coalesce(v_rows, '[]'),
    'next', case
      when v_count = v_limit then jsonb_build_array(v_tables[v_table][1], v_key1, v_key2)
      when v_table < array_length(v_tables, 1) then jsonb_build_array(v_tables[v_table + 1][1], null, null) end);
end
$$;
comment on function private.export_user(uuid, jsonb, integer) is 'A page of all that is kept of a user, table by table.';

create function public.export_user(p_user_id uuid, p_cursor jsonb default null, p_limit integer default 500) returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.export_user(p_user_id, p_cursor, p_limit)
$$;
comment on function public.export_user(uuid, jsonb, integer) is
  'For administrators (service key): a page of all that is kept of one user, {table, rows, next}. Pass next as p_cursor until it is null.';

/** export_user for the calling user. */
create function private.export_my_data(p_cursor jsonb, p_limit integer) returns jsonb
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select private.export_user(private.require_user(), p_cursor, p_limit)
$$;
comment on function private.export_my_data(jsonb, integer) is 'Definer half of public.export_my_data.';

create function public.export_my_data(p_cursor jsonb default null, p_limit integer default 500) returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.export_my_data(p_cursor, p_limit)
$$;
comment on function public.export_my_data(jsonb, integer) is
  'A page of all that is kept of you, {table, rows, next}. Pass next as p_cursor until it is null. Files are at the storage paths in media_url.';

revoke all on function
  private.count_rows_of(uuid), private.add_counts(jsonb, jsonb), private.erase_user(uuid, integer),
  public.erase_user(uuid, integer), private.claim_media_erasures(integer, double precision),
  private.finish_media_erasure(bigint, integer, boolean), private.export_user(uuid, jsonb, integer),
  public.export_user(uuid, jsonb, integer), private.export_my_data(jsonb, integer), public.export_my_data(jsonb, integer)
  from public, anon, authenticated, service_role;
grant execute on function
  private.erase_user(uuid, integer), public.erase_user(uuid, integer),
  private.export_user(uuid, jsonb, integer), public.export_user(uuid, jsonb, integer)
  to service_role;
grant execute on function private.export_my_data(jsonb, integer), public.export_my_data(jsonb, integer) to authenticated;
grant execute on function
  private.claim_media_erasures(integer, double precision), private.finish_media_erasure(bigint, integer, boolean)
  to session_host;
