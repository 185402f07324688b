-- Realtime is told by the hosts, after the commit and many events at once: nobody who writes pays for who listens.

create table private.session_broadcasts (
  session_id uuid primary key references public.whatsapp_sessions (id) on delete cascade,
  announced_seq bigint not null default 0 check (announced_seq >= 0),
  announced_at timestamptz not null default '-infinity'
);
comment on table private.session_broadcasts is
  'How far each session''s log was announced on its owner''s Realtime topic. Apart from session_streams, which writers lock.';
comment on column private.session_broadcasts.session_id is 'Session.';
comment on column private.session_broadcasts.announced_seq is 'Events up to here were announced.';
comment on column private.session_broadcasts.announced_at is 'When it was last its turn.';

alter table private.session_broadcasts enable row level security;

drop trigger broadcast_session_events on public.session_events;
drop function private.broadcast_session_events();

-- What was announced by the trigger needs no second time.
insert into private.session_broadcasts (session_id, announced_seq) select session_id, last_seq from private.session_streams;

create or replace function private.create_session_stream() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  insert into private.session_streams (session_id) values (new.id);
  insert into private.session_broadcasts (session_id) values (new.id);
  return new;
end
$$;

/**
 * Tells owners on their private topic what is new in their sessions: one message {session_id, seq_from, seq_to} a session, from what was
 * announced last to the end of the log. Looks at `p_session_ids`, or at all; at most `p_limit` sessions a call, who waited longest
 * first. Answers how many it told: p_limit means that more may wait. Any number of hosts may call it at once: what another one has in
 * its hands is left to it, and what is told is told once. A definer, since no client role may send. Does nothing where there is no Realtime.
 */
create function private.broadcast_events(p_session_ids uuid[] default null, p_limit integer default 50) returns integer
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_due record;
  v_told integer := 0;
begin
  if to_regprocedure('realtime.send(jsonb,text,text,boolean)') is null then
    return 0;
  end if;
  for v_due in
    select b.session_id, w.user_id, b.announced_seq + 1 as seq_from, s.last_seq as seq_to
      from private.session_broadcasts b
      join private.session_streams s on s.session_id = b.session_id
      join public.whatsapp_sessions w on w.id = b.session_id
      where s.last_seq > b.announced_seq and (p_session_ids is null or b.session_id = any(p_session_ids))
      order by b.announced_at, b.session_id
      limit p_limit
      for no key update of b skip locked
  loop
    v_told := v_told + 1;
    begin
      perform realtime.send(
        jsonb_build_object('session_id', v_due.session_id, 'seq_from', v_due.seq_from, 'seq_to', v_due.seq_to),
        'events', 'user:' || v_due.user_id::text, true);
      update private.session_broadcasts set announced_seq = v_due.seq_to, announced_at = clock_timestamp()
        where session_id = v_due.session_id;
    exception
      when others then
        raise warning 'Realtime was not told of new events: %', sqlerrm;
        -- Behind the others, so that it can't stand in their way.
        update private.session_broadcasts set announced_at = clock_timestamp() where session_id = v_due.session_id;
    end;
  end loop;
  return v_told;
end
$$;
comment on function private.broadcast_events(uuid[], integer) is
  'Announces what is new in sessions on their owners'' Realtime topics. Answers how many sessions; p_limit means that more may wait.';
revoke all on function private.broadcast_events(uuid[], integer) from public;
grant execute on function private.broadcast_events(uuid[], integer) to session_host;
