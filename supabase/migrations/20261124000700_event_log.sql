-- The event log: what happened to a session, in order, without message text; sockets and Realtime are fed from it.

create table public.session_events (
  session_id uuid not null,
  seq bigint not null check (seq >= 1),
  user_id uuid not null,
  type text not null check (type ~ '^[a-z]+(\.[a-z_]+)+$'),
  at timestamptz not null default now(),
  data jsonb not null default '{}' check (jsonb_typeof(data) = 'object'),
  primary key (session_id, seq),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);

comment on table public.session_events is 'Append-only log of each session. Ids and small facts only: text lives in messages_new, so that erasing it erases it.';
comment on column public.session_events.session_id is 'Session.';
comment on column public.session_events.seq is 'Position in the session''s log, from 1, without gaps.';
comment on column public.session_events.user_id is 'Owner.';
comment on column public.session_events.type is 'Kind of event, see shared/events.ts.';
comment on column public.session_events.at is 'When it was written.';
comment on column public.session_events.data is 'Ids and small facts.';

create index session_events_user_id_idx on public.session_events (user_id);
create index session_events_session_user_idx on public.session_events (session_id, user_id);

alter table public.session_events enable row level security;
grant select on public.session_events to authenticated, service_role;
grant select, insert on public.session_events to session_host;
create policy "users can view the events of their own sessions" on public.session_events
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can view events" on public.session_events
  for select to session_host using (true);
create policy "the session host can append events" on public.session_events
  for insert to session_host with check (true);

/**
 * Appends events [{type, data}] to a session's log and returns the last seq. Call it last before commit: it locks the stream,
 * which is what makes seq gapless and equal to commit order.
 */
create function private.append_events(p_session_id uuid, p_user_id uuid, p_events jsonb) returns bigint
  language plpgsql
  set search_path = ''
as $$
declare
  v_count integer := jsonb_array_length(p_events);
  v_last bigint;
begin
  if v_count = 0 then
    return (select last_seq from private.session_streams where session_id = p_session_id);
  end if;
  update private.session_streams set last_seq = last_seq + v_count
    where session_id = p_session_id returning last_seq into strict v_last;
  insert into public.session_events (session_id, seq, user_id, type, data)
    select p_session_id, v_last - v_count + e.n, p_user_id, e.event ->> 'type', coalesce(e.event -> 'data', '{}')
    from jsonb_array_elements(p_events) with ordinality as e(event, n);
  return v_last;
end
$$;
revoke all on function private.append_events(uuid, uuid, jsonb) from public;
grant execute on function private.append_events(uuid, uuid, jsonb) to session_host;

/** Wakes the hosts: something changed in this session (a command, an event, a QR). Ids only, and never once a message. */
create function private.wake_hosts(p_session_id uuid) returns void
  language sql
  set search_path = ''
as $$
  select pg_notify('session_wake', p_session_id::text)
$$;
revoke all on function private.wake_hosts(uuid) from public;
grant execute on function private.wake_hosts(uuid) to session_host;
