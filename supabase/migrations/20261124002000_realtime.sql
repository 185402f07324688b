-- Realtime: who listens on the private topic `user:<user id>` hears that a session of theirs has new events, and reads them then.

/**
 * Tells the owner of each session that a statement appended events to: one message {session_id, seq_from, seq_to} per session,
 * ids only. A definer, since no client role may send; it must never fail the insert, and does nothing where there is no Realtime.
 */
create function private.broadcast_session_events() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_added record;
begin
  if to_regprocedure('realtime.send(jsonb,text,text,boolean)') is null then
    return null;
  end if;
  for v_added in
    select a.user_id, a.session_id, min(a.seq) as seq_from, max(a.seq) as seq_to from added a group by a.user_id, a.session_id
  loop
    perform realtime.send(
      jsonb_build_object('session_id', v_added.session_id, 'seq_from', v_added.seq_from, 'seq_to', v_added.seq_to),
      'events', 'user:' || v_added.user_id::text, true);
  end loop;
  return null;
exception
  when others then
    raise warning 'Realtime was not told of new events: %', sqlerrm;
    return null;
end
$$;
revoke all on function private.broadcast_session_events() from public;

create trigger broadcast_session_events after insert on public.session_events
  referencing new table as added for each statement execute function private.broadcast_session_events();

-- Receiving only: without a policy for insert, no client can send on a private topic.
do $do$
begin
  if to_regclass('realtime.messages') is not null then
    execute $sql$
      create policy "users can receive the broadcasts of their own topic" on realtime.messages
        for select to authenticated
        using (extension = 'broadcast' and (select realtime.topic()) = 'user:' || (select auth.uid())::text)
    $sql$;
  end if;
end
$do$;
