-- What could not be stored is tried again by every newer host, not ten times in all; and what the database refuses of the history is
-- counted, and had again by a newer host.

alter table private.quarantined_messages
  add column host_version text check (char_length(host_version) <= 64),
  drop constraint quarantined_messages_attempts_check,
  add constraint quarantined_messages_attempts_check check (attempts >= 0);
comment on table private.quarantined_messages is
  'Decrypted messages that could not be read or stored, encrypted as in the inbox. Tried again when their session starts, ten times by each version of the host; kept for 90 days.';
comment on column private.quarantined_messages.attempts is 'How often this version of the host has tried it.';
comment on column private.quarantined_messages.host_version is 'Version of the host whose tries are counted; null before the first start since.';
-- What earlier versions have given up is tried again.
update private.quarantined_messages set host_version = 'earlier';
grant select (host_version) on private.quarantined_messages to service_role;

alter table private.history_chunks
  add column refused integer not null default 0 check (refused >= 0),
  add column host_version text check (char_length(host_version) <= 64);
comment on column private.history_chunks.refused is 'Parts of it (people, chats, messages) that the database refused; the rest is stored.';
comment on column private.history_chunks.host_version is 'Version of the host that imports it once more because parts were refused.';
comment on column private.history_chunks.notice is
  'Where it is and the key that opens it, or the chunk itself; encrypted. Null when all of it is stored.';
create index history_chunks_refused_idx on private.history_chunks (session_id) where refused > 0;

drop function private.retry_quarantined(uuid, uuid, bigint, integer);
/**
 * Puts what is in quarantine and was tried less than p_attempts times by this version of the host back into the inbox, where the replay
 * finds it; it stays in quarantine until release_quarantined says that it was stored. Chunks of history of which parts were refused are
 * imported once more by each version. Fenced by the lease. Answers the ids of the messages.
 */
create function private.retry_quarantined(
  p_session_id uuid, p_holder uuid, p_epoch bigint, p_attempts integer, p_version text default null
) returns setof text
  language plpgsql
  set search_path = ''
as $$
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  delete from private.quarantined_messages
    where session_id = p_session_id and tried_at < now() - interval '90 days';
  if p_version is not null then
    update private.quarantined_messages set attempts = case when host_version is null then attempts else 0 end,
        host_version = p_version
      where session_id = p_session_id and host_version is distinct from p_version;
    update private.history_chunks set status = 'waiting', finished_at = null, position = 0, refused = 0, attempts = 0,
        next_attempt_at = now(), host_version = p_version
      where session_id = p_session_id and refused > 0 and status = 'stored' and notice is not null
        and host_version is distinct from p_version;
  end if;
  return query
    insert into private.inbox (session_id, id, stanza_key, ciphertext, received_at)
      select q.session_id, q.id, q.stanza_key, q.ciphertext, q.received_at from private.quarantined_messages q
        where q.session_id = p_session_id and q.attempts < p_attempts
      on conflict (session_id, id) do update set ciphertext = excluded.ciphertext, projected_at = null
      returning inbox.id;
end
$$;
comment on function private.retry_quarantined(uuid, uuid, bigint, integer, text) is
  'Puts messages of the quarantine back into the inbox for another try. Answers their ids.';
revoke all on function private.retry_quarantined(uuid, uuid, bigint, integer, text) from public;
grant execute on function private.retry_quarantined(uuid, uuid, bigint, integer, text) to session_host;

create view dashboard.history_refusals with (security_invoker = true) as
  select user_id, session_id, count(*) as chunks, sum(refused) as refused, max(finished_at) as newest
    from private.history_chunks where refused > 0 group by 1, 2;
comment on view dashboard.history_refusals is 'Parts of the history that the database refused, by session. A newer host imports their chunks again.';
comment on column dashboard.history_refusals.user_id is 'Owner.';
comment on column dashboard.history_refusals.session_id is 'Session.';
comment on column dashboard.history_refusals.chunks is 'Chunks that are stored but for some parts.';
comment on column dashboard.history_refusals.refused is 'How many parts: people, chats and messages.';
comment on column dashboard.history_refusals.newest is 'When the last of these chunks was done.';
revoke all on dashboard.history_refusals from public, anon, authenticated;
grant select on dashboard.history_refusals to service_role;
grant select (user_id, session_id, refused, finished_at) on private.history_chunks to service_role;
create policy "the service role can count what was refused" on private.history_chunks
  for select to service_role using (true);

/**
 * Counts a session's chunks anew onto its row. Answers the row's state as it is then, and whether it changed: {changed, status,
 * progress, messages, chunks, chunks_stored, chunks_failed}. The caller holds the lease and appends history.status.
 */
create or replace function private.refresh_sync(p_session_id uuid, p_paused boolean default false) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_before public.whatsapp_sessions;
  v_after public.whatsapp_sessions;
  v_count record;
begin
  select * into v_before from public.whatsapp_sessions where id = p_session_id for no key update;
  select count(*) as chunks, count(*) filter (where status = 'stored' and refused = 0) as stored,
      count(*) filter (where status = 'failed' or status = 'stored' and refused > 0) as failed, count(*) filter (where status = 'waiting') as waiting,
      coalesce(sum(messages), 0) as messages,
      max(progress) filter (where sync_type in ('initial', 'recent', 'full') and status = 'stored') as progress,
      -- The phone is done when the last part of the older messages says so; the first part and the names do not.
      coalesce(bool_or(progress = 100 and sync_type = 'recent'), false)
        and coalesce(bool_or(progress = 100) filter (where sync_type = 'full'), true) as is_all
    into v_count
    from private.history_chunks where session_id = p_session_id and sync_type <> 'on_demand';
  v_after := v_before;
  v_after.sync_status := case
    when v_count.chunks = 0 then case when p_paused then 'paused' else coalesce(v_before.sync_status, 'waiting') end
    when v_count.waiting > 0 then 'importing'
    when v_count.is_all then case when v_count.failed > 0 then 'incomplete' else 'complete' end
    when p_paused then 'paused'
    else 'importing' end;
  v_after.sync_progress := case
    when v_after.sync_status in ('complete', 'incomplete') then 100
    else least(99, greatest(coalesce(v_count.progress, 0), coalesce(v_before.sync_progress, 0))) end;
  v_after.sync_messages := v_count.messages;
  v_after.sync_chunks := v_count.chunks;
  v_after.sync_chunks_stored := v_count.stored;
  v_after.sync_chunks_failed := v_count.failed;
  if v_after is distinct from v_before then
    update public.whatsapp_sessions set
        sync_status = v_after.sync_status, sync_progress = v_after.sync_progress, sync_messages = v_after.sync_messages,
        sync_chunks = v_after.sync_chunks, sync_chunks_stored = v_after.sync_chunks_stored,
        sync_chunks_failed = v_after.sync_chunks_failed
      where id = p_session_id;
  end if;
  return jsonb_build_object(
    'changed', v_after is distinct from v_before, 'status', v_after.sync_status, 'progress', v_after.sync_progress,
    'messages', v_after.sync_messages, 'chunks', v_after.sync_chunks, 'chunks_stored', v_after.sync_chunks_stored,
    'chunks_failed', v_after.sync_chunks_failed);
end
$$;
comment on column public.whatsapp_sessions.sync_chunks_stored is 'Chunks that are stored completely.';
comment on column public.whatsapp_sessions.sync_chunks_failed is
  'Chunks that could not be fetched or read, and that the phone did not send again; and those of which parts could not be stored.';
