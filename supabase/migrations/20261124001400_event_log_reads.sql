-- Reading the event log from a browser, and its bounded retention: a cursor that lost its place is told so, never answered with a gap.

/** One session of a user (their default one without an id), or not_found. */
create function private.own_session(p_user_id uuid, p_session_id uuid) returns uuid
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_session uuid;
begin
  select s.id into v_session from public.whatsapp_sessions s
    where s.user_id = p_user_id and case when p_session_id is null then s.is_default else s.id = p_session_id end;
  if v_session is null then
    perform private.fail(404, 'not_found', 'Not found.');
  end if;
  return v_session;
end
$$;
comment on function private.own_session(uuid, uuid) is 'One session of a user, their default one without an id; fails with not_found.';

/**
 * The calling user's events after p_after in order. Fails with resync_required (410) when p_after is older than what is kept or newer
 * than what was ever written: read the lists anew, then go on from event_cursor's last_seq, taken before. With not_found for a session that is not theirs.
 */
create function private.list_events(p_session_id uuid, p_after bigint, p_limit integer) returns setof public.session_events
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_session uuid := private.own_session(v_user, p_session_id);
  v_stream private.session_streams;
begin
  select * into v_stream from private.session_streams where session_id = v_session;
  if coalesce(p_after, 0) < v_stream.first_seq - 1 or coalesce(p_after, 0) > v_stream.last_seq then
    perform private.fail(410, 'resync_required', 'Events after this cursor are no longer kept. Read the lists anew.');
  end if;
  return query
    select e.* from public.session_events e
      where e.session_id = v_session and e.user_id = v_user and e.seq > coalesce(p_after, 0)
      order by e.seq limit least(greatest(coalesce(p_limit, 200), 1), 1000);
end
$$;
comment on function private.list_events(uuid, bigint, integer) is 'Definer half of public.list_events.';

create function public.list_events(p_session_id uuid default null, p_after bigint default 0, p_limit integer default 200)
  returns setof public.session_events
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.list_events(p_session_id, p_after, p_limit)
$$;
comment on function public.list_events(uuid, bigint, integer) is
  'Your events after a seq in order, at most 1,000; of your default session unless another is named. Fails with resync_required when the log no longer reaches back to p_after: read the lists anew and go on from event_cursor().';

/** Where the calling user's log begins and ends now: {session_id, first_seq, last_seq}. */
create function private.event_cursor(p_session_id uuid) returns table (session_id uuid, first_seq bigint, last_seq bigint)
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_session uuid := private.own_session(private.require_user(), p_session_id);
begin
  return query select s.session_id, s.first_seq, s.last_seq from private.session_streams s where s.session_id = v_session;
end
$$;
comment on function private.event_cursor(uuid) is 'Definer half of public.event_cursor.';

create function public.event_cursor(p_session_id uuid default null) returns table (session_id uuid, first_seq bigint, last_seq bigint)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.event_cursor(p_session_id)
$$;
comment on function public.event_cursor(uuid) is
  'First kept and last seq of your default session''s event log, or of another session of yours. Read it before the lists, then follow with list_events.';

/**
 * Trims every session's log to its newest p_keep events and to p_age, at most p_limit events a session and call, and raises first_seq
 * in the same transaction: no reader can see the gap without the sign of it. Streams in use at the moment wait for the next call.
 * Answers how many events went; equal to p_limit or more, call again.
 */
create function private.trim_events(
  p_age interval default '30 days', p_keep bigint default 100000, p_limit integer default 5000
) returns bigint
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_oldest timestamptz := now() - p_age;
  v_session uuid;
  v_stream private.session_streams;
  v_last bigint;
  v_trimmed bigint := 0;
begin
  if p_keep < 0 or p_age < interval '0' or p_limit < 1 then
    perform private.fail(400, 'invalid_request', 'Keep what is not negative, and trim at least one.');
  end if;
  for v_session in
    select s.session_id from private.session_streams s
      join public.session_events e on e.session_id = s.session_id and e.seq = s.first_seq
      where e.at < v_oldest or s.last_seq - s.first_seq >= p_keep
      order by s.session_id
  loop
    select * into v_stream from private.session_streams where session_id = v_session for no key update skip locked;
    continue when not found;
    -- The oldest that go without a break: too many, or too old.
    select max(e.seq) into v_last from (
      select o.seq, bool_and(o.seq <= v_stream.last_seq - p_keep or o.at < v_oldest) over (order by o.seq) as goes
        from (
          select seq, at from public.session_events
            where session_id = v_session and seq >= v_stream.first_seq order by seq limit p_limit) o) e
      where e.goes;
    continue when v_last is null;
    delete from public.session_events where session_id = v_session and seq <= v_last;
    update private.session_streams set first_seq = v_last + 1 where session_id = v_session;
    v_trimmed := v_trimmed + v_last - v_stream.first_seq + 1;
  end loop;
  return v_trimmed;
end
$$;
comment on function private.trim_events(interval, bigint, integer) is 'Trims event logs by age and number and raises first_seq with it. Answers how many events went.';

create index session_commands_finished_idx on private.session_commands (finished_at) where status in ('done', 'dead');
create index idempotency_keys_created_at_idx on private.idempotency_keys (created_at);
create index inbox_trim_idx on private.inbox (projected_at) where projected_at is not null;

/**
 * One bounded round of what must not grow for ever: events (30 days, 100,000 a session), finished commands (7 days), idempotency keys
 * (24 hours), hashes of projected inbox rows (7 days: as long as WhatsApp redelivers), sockets of dead hosts. Answers how many rows
 * went of each; `more` says that another round has work. Several hosts may call it at once.
 */
create function private.trim(p_limit integer default 5000)
  returns table (events bigint, commands bigint, idempotency_keys bigint, inbox bigint, sockets bigint, more boolean)
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  events := private.trim_events(p_limit => p_limit);
  delete from private.session_commands where id in (
    select c.id from private.session_commands c
      where c.status in ('done', 'dead') and c.finished_at < now() - interval '7 days'
      order by c.finished_at limit p_limit for update skip locked);
  get diagnostics commands = row_count;
  delete from private.idempotency_keys k using (
      select i.user_id, i.key from private.idempotency_keys i
        where i.created_at < now() - interval '24 hours'
        order by i.created_at limit p_limit for update skip locked) old
    where k.user_id = old.user_id and k.key = old.key;
  get diagnostics idempotency_keys = row_count;
  delete from private.inbox b using (
      select i.session_id, i.id from private.inbox i
        where i.projected_at is not null and i.projected_at < now() - interval '7 days'
        order by i.projected_at limit p_limit for update skip locked) old
    where b.session_id = old.session_id and b.id = old.id;
  get diagnostics inbox = row_count;
  delete from private.socket_connections where expires_at < now() - interval '1 hour';
  get diagnostics sockets = row_count;
  more := greatest(events, commands, idempotency_keys, inbox) >= p_limit;
  return next;
end
$$;
comment on function private.trim(integer) is 'One bounded round of retention. Answers how many rows went of each kind, and whether another round has work.';
comment on column private.idempotency_keys.created_at is 'When it was first used. Remembered for 24 hours, then the key may be used anew.';

revoke all on function
  private.own_session(uuid, uuid), private.list_events(uuid, bigint, integer), public.list_events(uuid, bigint, integer),
  private.event_cursor(uuid), public.event_cursor(uuid), private.trim_events(interval, bigint, integer), private.trim(integer)
  from public, anon, authenticated, service_role;
grant execute on function
  private.list_events(uuid, bigint, integer), public.list_events(uuid, bigint, integer),
  private.event_cursor(uuid), public.event_cursor(uuid)
  to authenticated;
grant execute on function private.trim_events(interval, bigint, integer), private.trim(integer) to session_host, service_role;
