-- What administrators ask, as views in the Supabase dashboard. In a schema that the API does not expose and no client role may enter.

create schema dashboard;
comment on schema dashboard is 'Views for administrators. Not exposed by the API.';
revoke all on schema dashboard from public;
grant usage on schema dashboard to service_role;

-- The views ask as whoever reads them.
grant select on private.session_leases, private.session_streams, private.session_commands to service_role;

create index messages_new_pending_idx on public.messages_new (session_id, created_at) where status = 'pending';
-- Rows lie about in the order of their time: a BRIN index costs nothing and finds the last days.
create index messages_new_created_at_idx on public.messages_new using brin (created_at);

create view dashboard.sessions with (security_invoker = true) as
  select s.user_id, s.id as session_id, s.is_default, s.phone, s.push_name, s.desired, s.status, s.status_reason, s.status_at,
      now() - s.status_at as status_for, s.linked_at, s.sync_progress,
      l.holder as host, l.epoch, l.expires_at as lease_until, coalesce(l.expires_at > now(), false) as is_held,
      s.desired = 'running' and not coalesce(l.expires_at > now(), false) as is_orphaned,
      t.first_seq, t.last_seq,
      (select count(*) from private.session_commands c
        where c.session_id = s.id and c.status in ('queued', 'claimed')) as open_commands
    from public.whatsapp_sessions s
    left join private.session_leases l on l.session_id = s.id
    left join private.session_streams t on t.session_id = s.id;
comment on view dashboard.sessions is 'Every session with its state, the host that holds it and its open commands. is_orphaned: should run and no host holds it.';

create view dashboard.stuck_sends with (security_invoker = true) as
  select m.user_id, m.session_id, s.status as session_status, m.conversation_id, m.id as message_id, m.created_at,
      now() - m.created_at as waiting_for, c.id as command_id, c.status as command_status, c.attempts, c.next_attempt_at,
      c.error_code
    from public.messages_new m
    join public.whatsapp_sessions s on s.id = m.session_id
    left join private.session_commands c on c.message_id = m.id and c.user_id = m.user_id
    where m.status = 'pending' and m.created_at < now() - interval '2 minutes';
comment on view dashboard.stuck_sends is 'Messages that have waited for WhatsApp for more than two minutes, and how their command stands. No text.';

create view dashboard.volume_per_day with (security_invoker = true) as
  select (m.created_at at time zone 'UTC')::date as day, m.user_id,
      count(*) filter (where not m.from_me) as received,
      count(*) filter (where m.from_me) as sent,
      count(*) filter (where m.status = 'failed') as failed,
      count(*) filter (where m.media_mime_type is not null) as media
    from public.messages_new m
    where m.created_at >= now() - interval '31 days'
    group by 1, 2;
comment on view dashboard.volume_per_day is 'Messages by day (UTC) and user in the last 31 days.';

create view dashboard.storage_per_user with (security_invoker = true) as
  select u.user_id,
      (select count(*) from public.conversations_new c where c.user_id = u.user_id) as conversations,
      m.messages, m.text_bytes, m.media_files, m.media_bytes,
      (select count(*) from public.session_events e where e.user_id = u.user_id) as events
    from (select distinct user_id from public.whatsapp_sessions) u
    cross join lateral (
      select count(*) as messages, coalesce(sum(octet_length(text_content)), 0) as text_bytes,
          count(*) filter (where media_status = 'stored') as media_files,
          coalesce(sum(media_size_bytes) filter (where media_status = 'stored'), 0) as media_bytes
        from public.messages_new where user_id = u.user_id) m;
comment on view dashboard.storage_per_user is 'What each user takes: conversations, messages, bytes of text, stored files and their bytes, events. Reads everything: not for every minute.';

comment on column dashboard.sessions.user_id is 'Owner.';
comment on column dashboard.sessions.session_id is 'Session.';
comment on column dashboard.sessions.is_default is 'The session that the API addresses.';
comment on column dashboard.sessions.phone is 'Linked number.';
comment on column dashboard.sessions.push_name is 'Name that the account shows.';
comment on column dashboard.sessions.desired is 'running: some host should hold it.';
comment on column dashboard.sessions.status is 'What the connection does.';
comment on column dashboard.sessions.status_reason is 'Code of the last trouble.';
comment on column dashboard.sessions.status_at is 'Since when.';
comment on column dashboard.sessions.status_for is 'For how long.';
comment on column dashboard.sessions.linked_at is 'When it was linked.';
comment on column dashboard.sessions.sync_progress is 'Percent of the history.';
comment on column dashboard.sessions.host is 'Host that holds it or held it last.';
comment on column dashboard.sessions.epoch is 'Number of the lease.';
comment on column dashboard.sessions.lease_until is 'Until when the lease holds.';
comment on column dashboard.sessions.is_held is 'Whether a live host holds it.';
comment on column dashboard.sessions.is_orphaned is 'Should run, and no host holds it.';
comment on column dashboard.sessions.first_seq is 'Oldest event kept.';
comment on column dashboard.sessions.last_seq is 'Newest event.';
comment on column dashboard.sessions.open_commands is 'Commands that wait or run.';
comment on column dashboard.stuck_sends.user_id is 'Owner.';
comment on column dashboard.stuck_sends.session_id is 'Session.';
comment on column dashboard.stuck_sends.session_status is 'What its connection does.';
comment on column dashboard.stuck_sends.conversation_id is 'Conversation.';
comment on column dashboard.stuck_sends.message_id is 'Message.';
comment on column dashboard.stuck_sends.created_at is 'When it was submitted.';
comment on column dashboard.stuck_sends.waiting_for is 'For how long it has waited.';
comment on column dashboard.stuck_sends.command_id is 'Its command; null when that is gone.';
comment on column dashboard.stuck_sends.command_status is 'queued, claimed, done or dead.';
comment on column dashboard.stuck_sends.attempts is 'How often it was tried.';
comment on column dashboard.stuck_sends.next_attempt_at is 'When it is tried next.';
comment on column dashboard.stuck_sends.error_code is 'Why it is dead.';
comment on column dashboard.volume_per_day.day is 'Day in UTC.';
comment on column dashboard.volume_per_day.user_id is 'Owner.';
comment on column dashboard.volume_per_day.received is 'Messages received.';
comment on column dashboard.volume_per_day.sent is 'Messages sent, from any device.';
comment on column dashboard.volume_per_day.failed is 'Messages that could not be sent.';
comment on column dashboard.volume_per_day.media is 'Messages with a medium.';
comment on column dashboard.storage_per_user.user_id is 'Owner.';
comment on column dashboard.storage_per_user.conversations is 'Conversations.';
comment on column dashboard.storage_per_user.messages is 'Messages.';
comment on column dashboard.storage_per_user.text_bytes is 'Bytes of their texts.';
comment on column dashboard.storage_per_user.media_files is 'Files that are stored.';
comment on column dashboard.storage_per_user.media_bytes is 'Bytes of the files.';
comment on column dashboard.storage_per_user.events is 'Events kept.';

revoke all on all tables in schema dashboard from public, anon, authenticated;
grant select on dashboard.sessions, dashboard.stuck_sends, dashboard.volume_per_day, dashboard.storage_per_user to service_role;

-- Functions that were released without their sentence.
comment on function private.touch_updated_at() is 'Trigger: keeps updated_at true on every update.';
comment on function private.fail(integer, text, text) is 'Raises one error of the public table: HTTP status, code as hint, sentence.';
comment on function private.require_user() is 'The calling user; fails with invalid_token when nobody is signed in.';
comment on function private.create_session_stream() is 'Trigger: gives every session its event stream.';
comment on function private.acquire_lease(uuid, uuid, double precision) is 'Takes or renews a session''s lease. Answers the epoch, or null when another host holds it.';
comment on function private.assert_lease(uuid, uuid, bigint) is 'Fails with lease_lost unless the epoch is current; keeps it so until the transaction ends.';
comment on function private.default_session(uuid) is 'A user''s default session, or null.';
comment on function private.find_conversation(uuid, text) is 'The conversation that a user means by a uuid or JID, or null.';
comment on function private.status_rank(text) is 'Rank of a delivery status: a message only moves to a higher one.';
comment on function private.append_events(uuid, uuid, jsonb) is 'Appends events to a session''s log, last before commit. Answers the last seq.';
comment on function private.wake_hosts(uuid) is 'Tells the hosts that something changed in a session.';
comment on function private.message_json(public.messages_new) is 'A message as its owner may see it.';
comment on function private.submit_message(text, text, text, uuid, text) is 'Definer half of public.submit_message.';
comment on function private.note_last_message(public.messages_new) is 'Puts a message on its conversation''s row when it is the newest there.';
comment on function private.command_result(bigint) is 'Definer half of public.command_result.';
comment on function private.link_state() is 'Definer half of public.link_state.';
comment on function private.get_conversation(text) is 'Definer half of public.get_conversation.';
comment on function private.write_keys(uuid, uuid, bigint, bytea, text[], text[], bytea[], text[], text[], bytea[]) is
  'Writes one key-store call of a host: keys, inbox and credentials in one fenced transaction.';
comment on sequence private.message_ordinals is 'Order of arrival of messages.';
