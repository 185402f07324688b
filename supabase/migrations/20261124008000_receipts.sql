-- Receipts in any order: one that comes before its message (a history that is still being imported) waits for it.

create table private.early_receipts (
  id bigint generated always as identity primary key,
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  chat_jid text not null check (char_length(chat_jid) <= 128),
  wa_id text not null check (char_length(wa_id) between 1 and 128),
  participant_jid text check (participant_jid ~ '^[0-9]+@(s\.whatsapp\.net|lid)$'),
  status text not null check (status in ('sent', 'delivered', 'read', 'played')),
  at timestamptz not null default now(),
  received_at timestamptz not null default now(),
  unique nulls not distinct (session_id, wa_id, chat_jid, participant_jid)
);
comment on table private.early_receipts is 'Receipts of own messages that are not stored yet; they are applied when the message is, and forgotten after a day.';
comment on column private.early_receipts.id is 'Order of arrival.';
comment on column private.early_receipts.session_id is 'Session.';
comment on column private.early_receipts.chat_jid is 'Chat, as WhatsApp named it.';
comment on column private.early_receipts.wa_id is 'WhatsApp''s id of the message.';
comment on column private.early_receipts.participant_jid is 'Whose receipt it is, in a group.';
comment on column private.early_receipts.status is 'How far the message has come; the highest that was reported.';
comment on column private.early_receipts.at is 'WhatsApp''s time of the receipt.';
comment on column private.early_receipts.received_at is 'When it came.';
create index early_receipts_session_idx on private.early_receipts (session_id, id);
alter table private.early_receipts enable row level security;
grant select, insert, update, delete on private.early_receipts to session_host;
create policy "the session host can use early receipts" on private.early_receipts
  for all to session_host using (true) with check (true);

/**
 * Keeps receipts [{chat, wa_id, participant, status, at}] of own messages that are not stored. Those older than a day, and all but the
 * newest 10,000 of the session, are forgotten: nobody can fill the table. The caller holds the lease.
 */
create function private.keep_early_receipts(p_session_id uuid, p_receipts jsonb) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  insert into private.early_receipts as e (session_id, chat_jid, wa_id, participant_jid, status, at)
    select distinct on (r.wa_id, r.chat, r.participant)
        p_session_id, r.chat, r.wa_id, r.participant, r.status, to_timestamp(r.at)
      from jsonb_to_recordset(p_receipts) as r(chat text, wa_id text, participant text, status text, at double precision)
      order by r.wa_id, r.chat, r.participant, private.status_rank(r.status) desc, r.at
    on conflict (session_id, wa_id, chat_jid, participant_jid) do update set status = excluded.status, at = excluded.at
      where private.status_rank(excluded.status) > private.status_rank(e.status);
  delete from private.early_receipts
    where session_id = p_session_id
      and (received_at < now() - interval '1 day'
        or id <= (select id from private.early_receipts where session_id = p_session_id order by id desc offset 10000 limit 1));
end
$$;
comment on function private.keep_early_receipts(uuid, jsonb) is 'Keeps receipts of own messages that are not stored yet.';

/** Trigger: gives new messages the receipts that came before them. The message's own event or its import says what it shows. */
create function private.apply_early_receipts() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_ids bigint[];
begin
  if not exists (select from private.early_receipts e where e.session_id in (select distinct a.session_id from added a)) then
    return null;
  end if;
  with matching as materialized (
    select e.id, e.participant_jid, e.status, e.at, a.id as message_id, a.user_id
      from added a
      join private.early_receipts e on e.session_id = a.session_id and e.wa_id = a.wa_id
      join public.conversations_new c on c.id = a.conversation_id
      where a.from_me and (c.external_id = e.chat_jid or exists (
        select from public.contact_identities i where i.contact_id = c.contact_id and i.jid = e.chat_jid))),
  raised as (
    update public.messages_new m set status = t.status
      from (
        select distinct on (message_id) message_id, status from matching
          where participant_jid is null order by message_id, private.status_rank(status) desc) t
      where m.id = t.message_id and private.status_rank(t.status) > private.status_rank(m.status)),
  kept as (
    insert into public.message_receipts as r (message_id, participant_jid, user_id, status, at)
      select message_id, participant_jid, user_id, status, at from matching where participant_jid is not null
      on conflict (message_id, participant_jid) do update set status = excluded.status, at = excluded.at
        where private.status_rank(excluded.status) > private.status_rank(r.status))
  select array_agg(id) into v_ids from matching;
  delete from private.early_receipts where id = any(v_ids);
  return null;
end
$$;
comment on function private.apply_early_receipts() is 'Trigger: gives new messages the receipts that came before them.';
create trigger messages_new_early_receipts after insert on public.messages_new
  referencing new table as added for each statement execute function private.apply_early_receipts();

revoke all on function private.keep_early_receipts(uuid, jsonb), private.apply_early_receipts()
  from public, anon, authenticated, service_role;
grant execute on function private.keep_early_receipts(uuid, jsonb) to session_host;
