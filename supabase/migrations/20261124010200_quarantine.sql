-- Messages that could not be stored are kept aside with the reason, so that nothing waits behind them and nothing is lost.

create table private.quarantined_messages (
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  id text not null check (char_length(id) between 1 and 128),
  stanza_key text not null check (char_length(stanza_key) between 1 and 128),
  ciphertext bytea not null,
  stage text not null check (stage in ('read', 'store')),
  error text not null check (char_length(error) between 1 and 200),
  attempts integer not null default 1 check (attempts >= 1),
  received_at timestamptz not null,
  tried_at timestamptz not null default now(),
  primary key (session_id, id)
);
comment on table private.quarantined_messages is
  'Decrypted messages that could not be read or stored, encrypted as in the inbox. Tried again when their session starts, ten times; kept for 90 days.';
comment on column private.quarantined_messages.session_id is 'Session.';
comment on column private.quarantined_messages.id is 'SHA-256 of the WhatsApp ciphertext.';
comment on column private.quarantined_messages.stanza_key is 'SHA-256 of sender, participant and id of the stanza.';
comment on column private.quarantined_messages.ciphertext is 'Key id, nonce, encrypted stanza attributes and plaintext, tag.';
comment on column private.quarantined_messages.stage is 'read: no message could be made of it; store: the database refused it.';
comment on column private.quarantined_messages.error is 'SQLSTATE or name of the error. No text of the message.';
comment on column private.quarantined_messages.attempts is 'How often it was tried.';
comment on column private.quarantined_messages.received_at is 'When it was decrypted.';
comment on column private.quarantined_messages.tried_at is 'When it was tried last.';
create index quarantined_messages_tried_at_idx on private.quarantined_messages (tried_at);

alter table private.quarantined_messages enable row level security;
grant select, insert, update, delete on private.quarantined_messages to session_host;
grant select (session_id, id, stage, error, attempts, received_at, tried_at) on private.quarantined_messages to service_role;
create policy "the session host can keep messages aside" on private.quarantined_messages
  for all to session_host using (true) with check (true);
create policy "the service role can count what is kept aside" on private.quarantined_messages
  for select to service_role using (true);

/**
 * Moves messages out of the inbox into quarantine, by row id or stanza key, fenced by the lease; what is there already counts one more
 * attempt. Answers how many.
 */
create function private.quarantine_messages(
  p_session_id uuid, p_holder uuid, p_epoch bigint, p_keys text[], p_stage text, p_error text
) returns integer
  language plpgsql
  set search_path = ''
as $$
declare
  v_moved integer;
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  with moved as (
    insert into private.quarantined_messages (session_id, id, stanza_key, ciphertext, stage, error, received_at)
      select i.session_id, i.id, i.stanza_key, i.ciphertext, p_stage, left(p_error, 200), i.received_at
        from private.inbox i
        where i.session_id = p_session_id and (i.id = any(p_keys) or i.stanza_key = any(p_keys)) and i.projected_at is null
      on conflict (session_id, id) do update set
        stage = excluded.stage, error = excluded.error, attempts = quarantined_messages.attempts + 1, tried_at = now()
      returning 1)
  select count(*) into v_moved from moved;
  -- A redelivery is answered as one of a message that is stored.
  update private.inbox set ciphertext = null, projected_at = now()
    where session_id = p_session_id and (id = any(p_keys) or stanza_key = any(p_keys)) and projected_at is null;
  return v_moved;
end
$$;
comment on function private.quarantine_messages(uuid, uuid, bigint, text[], text, text) is
  'Moves messages out of the inbox into quarantine. Answers how many.';

/**
 * Puts what is in quarantine and was tried less than p_attempts times back into the inbox, where the replay finds it; it stays in
 * quarantine until release_quarantined says that it was stored. Fenced by the lease. Answers the ids.
 */
create function private.retry_quarantined(p_session_id uuid, p_holder uuid, p_epoch bigint, p_attempts integer)
  returns setof text
  language plpgsql
  set search_path = ''
as $$
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  delete from private.quarantined_messages
    where session_id = p_session_id and tried_at < now() - interval '90 days';
  return query
    insert into private.inbox (session_id, id, stanza_key, ciphertext, received_at)
      select q.session_id, q.id, q.stanza_key, q.ciphertext, q.received_at from private.quarantined_messages q
        where q.session_id = p_session_id and q.attempts < p_attempts
      on conflict (session_id, id) do update set ciphertext = excluded.ciphertext, projected_at = null
      returning inbox.id;
end
$$;
comment on function private.retry_quarantined(uuid, uuid, bigint, integer) is
  'Puts messages of the quarantine back into the inbox for another try. Answers their ids.';

/** Takes out of quarantine what the inbox says was stored after all, of the ids given. Fenced by the lease. Answers how many. */
create function private.release_quarantined(p_session_id uuid, p_holder uuid, p_epoch bigint, p_ids text[]) returns integer
  language plpgsql
  set search_path = ''
as $$
declare
  v_released integer;
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  delete from private.quarantined_messages where session_id = p_session_id and id = any(p_ids);
  get diagnostics v_released = row_count;
  return v_released;
end
$$;
comment on function private.release_quarantined(uuid, uuid, bigint, text[]) is
  'Forgets messages of the quarantine that were stored after all. Answers how many.';

revoke all on function
  private.quarantine_messages(uuid, uuid, bigint, text[], text, text), private.retry_quarantined(uuid, uuid, bigint, integer),
  private.release_quarantined(uuid, uuid, bigint, text[])
  from public;
grant execute on function
  private.quarantine_messages(uuid, uuid, bigint, text[], text, text), private.retry_quarantined(uuid, uuid, bigint, integer),
  private.release_quarantined(uuid, uuid, bigint, text[])
  to session_host;

create view dashboard.quarantine with (security_invoker = true) as
  select s.user_id, q.session_id, q.stage, q.error, count(*) as messages, max(q.attempts) as attempts,
      min(q.received_at) as oldest, max(q.received_at) as newest
    from private.quarantined_messages q join public.whatsapp_sessions s on s.id = q.session_id
    group by 1, 2, 3, 4;
comment on view dashboard.quarantine is 'Messages that could not be read or stored, by session and error. A session tries them again when it starts.';
comment on column dashboard.quarantine.user_id is 'Owner.';
comment on column dashboard.quarantine.session_id is 'Session.';
comment on column dashboard.quarantine.stage is 'read or store.';
comment on column dashboard.quarantine.error is 'SQLSTATE or name of the error.';
comment on column dashboard.quarantine.messages is 'How many.';
comment on column dashboard.quarantine.attempts is 'Most attempts of one of them.';
comment on column dashboard.quarantine.oldest is 'When the first was received.';
comment on column dashboard.quarantine.newest is 'When the last was received.';
revoke all on dashboard.quarantine from public, anon, authenticated;
grant select on dashboard.quarantine to service_role;
