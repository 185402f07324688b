-- Edits, deletions, reactions and votes that come before the message they are about: kept aside until it comes.

create table private.early_changes (
  id bigint generated always as identity primary key,
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  chat_jid text not null check (char_length(chat_jid) between 1 and 128),
  wa_id text not null check (char_length(wa_id) between 1 and 128),
  from_me boolean not null,
  change jsonb not null,
  digest text not null,
  received_at timestamptz not null default now(),
  unique (session_id, wa_id, from_me, chat_jid, digest)
);
comment on table private.early_changes is 'Edits, deletions, reactions and votes of messages that are not stored yet; they are applied when the message is, and forgotten after a week.';
comment on column private.early_changes.id is 'Order of arrival.';
comment on column private.early_changes.session_id is 'Session.';
comment on column private.early_changes.chat_jid is 'Chat, as WhatsApp named it.';
comment on column private.early_changes.wa_id is 'WhatsApp''s id of the message.';
comment on column private.early_changes.from_me is 'Whether the message is the account''s own.';
comment on column private.early_changes.change is 'What is to be done to it; bytes in base64.';
comment on column private.early_changes.digest is 'Of the change: the same one is kept once.';
comment on column private.early_changes.received_at is 'When it came.';
create index early_changes_session_idx on private.early_changes (session_id, id);
alter table private.early_changes enable row level security;
grant select, insert, update, delete on private.early_changes to session_host;
create policy "the session host can use early changes" on private.early_changes
  for all to session_host using (true) with check (true);

/** As before; a message that changes wait for is not plain. */
create or replace function private.store_messages(p_holder uuid, p_messages jsonb) returns table (session_id uuid, outcome text)
  language plpgsql
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    with given as materialized (
      select * from jsonb_to_recordset(p_messages) as m(
        n integer, session_id uuid, epoch bigint, chat text, chat_alt text, wa_id text, from_me boolean, sender text,
        push_name text, at double precision, type text, text text, status text, reply_to text, inbox text[],
        content jsonb, media jsonb, proto text, expires_at double precision)),
    leased as materialized (
      select l.session_id, s.user_id
        from private.session_leases l
        join (select distinct session_id, epoch from given) g on g.session_id = l.session_id and g.epoch = l.epoch
        join public.whatsapp_sessions s on s.id = l.session_id
        where l.holder = p_holder and l.expires_at > clock_timestamp()
        order by l.session_id
        for key share of l),
    resolved as materialized (
      select g.*, l.user_id, coalesce(p.id, c.id) as conversation_id,
          coalesce(p.id, c.id) is not null
            and not exists (
              select from public.messages_new m
                where m.conversation_id = coalesce(p.id, c.id) and m.from_me = g.from_me and m.wa_id = g.wa_id)
            and not exists (
              select from private.early_changes e
                where e.session_id = g.session_id and e.wa_id = g.wa_id and e.from_me = g.from_me)
            and (g.chat_alt is null or coalesce(a.contact_id = i.contact_id, false))
            and (g.push_name is null or g.from_me or coalesce(w.push_name = g.push_name, false)) as is_plain
        from given g
        join leased l on l.session_id = g.session_id
        left join public.contact_identities i on i.session_id = g.session_id and i.jid = g.chat
        left join public.contact_identities a on a.session_id = g.session_id and a.jid = g.chat_alt
        left join public.contact_identities b on b.session_id = g.session_id and b.jid = coalesce(g.sender, g.chat)
        left join public.contacts w on w.id = b.contact_id
        left join public.conversations_new p on p.session_id = g.session_id and p.contact_id = i.contact_id
        left join public.conversations_new c
          on c.session_id = g.session_id and c.external_id = g.chat and c.contact_id is null),
    plain as materialized (
      select session_id from resolved
        group by session_id
        having bool_and(is_plain) and count(*) = count(distinct (conversation_id, from_me, wa_id))),
    inserted as (
      insert into public.messages_new (
          conversation_id, user_id, session_id, sender_type, message_type, text_content, created_at, wa_id, from_me, sender_jid,
          status, reply_to_wa_id, content, expires_at, media_status, media_mime_type, media_size_bytes, media_sha256,
          media_duration_seconds, media_width, media_height, media_file_name, media_waveform)
        select r.conversation_id, r.user_id, r.session_id, case r.type when 'notice' then 'system' else 'user' end, r.type,
            r.text, to_timestamp(r.at), r.wa_id, r.from_me, r.sender, r.status, r.reply_to, coalesce(r.content, '{}'),
            to_timestamp(r.expires_at), f.status, f.mime_type, f.size_bytes, f.sha256, f.duration_seconds, f.width, f.height,
            f.file_name, f.waveform
          from resolved r
          left join lateral jsonb_to_record(r.media) as f(
            status text, mime_type text, size_bytes bigint, sha256 text, duration_seconds real, width integer, height integer,
            file_name text, waveform smallint[]) on r.media is not null
          where r.session_id in (select session_id from plain)
            -- One that came so late that it has disappeared already leaves nothing behind.
            and (r.expires_at is null or to_timestamp(r.expires_at) > now())
          order by r.n
        returning id, conversation_id, user_id, session_id, message_type, text_content, created_at, from_me, ordinal, wa_id),
    kept as (
      insert into private.message_protos (message_id, user_id, proto)
        select i.id, i.user_id, decode(r.proto, 'base64')
          from inserted i
          join resolved r on r.conversation_id = i.conversation_id and r.from_me = i.from_me and r.wa_id = i.wa_id
          where r.proto is not null),
    touched as (
      update public.conversations_new c set
          unread_count = c.unread_count + t.unread,
          started_at = case when c.last_message_at is null then t.first_at else least(c.started_at, t.first_at) end,
          -- Compared with the row as it is once whoever has it has committed.
          (last_message_at, last_message_id, last_message_ordinal, last_message_text, last_message_type, last_message_from_me) = (
            select v.at, v.id, v.ordinal, v.text, v.type, v.from_me
              from (values
                (t.created_at, t.id, t.ordinal, left(t.text_content, 200), t.message_type, t.from_me),
                (c.last_message_at, c.last_message_id, c.last_message_ordinal, c.last_message_text, c.last_message_type,
                  c.last_message_from_me)) as v(at, id, ordinal, text, type, from_me)
              order by v.at desc nulls last, coalesce(v.ordinal, 0) desc limit 1)
        from (
          select distinct on (conversation_id) *,
              count(*) filter (where not from_me and message_type <> 'notice') over (partition by conversation_id) as unread,
              min(created_at) over (partition by conversation_id) as first_at
            from inserted order by conversation_id, created_at desc, ordinal desc) t
        where c.id = t.conversation_id
        returning c.id),
    accounted as (
      update private.inbox b set ciphertext = null, projected_at = now()
        from given g
        where g.session_id in (select session_id from plain) and b.session_id = g.session_id
          and b.stanza_key = any(g.inbox) and b.projected_at is null),
    counted as materialized (select session_id, count(*) as count from inserted group by session_id),
    -- Last, after the conversations (what is not asked for would be done at the end), and in the order of their ids, as everybody who
    -- locks several.
    locked as materialized (
      select s.session_id from private.session_streams s
        where s.session_id in (select session_id from counted) and (select count(*) from touched) >= 0
        order by s.session_id for no key update),
    advanced as (
      update private.session_streams s set last_seq = s.last_seq + c.count
        from counted c join locked k on k.session_id = c.session_id
        where s.session_id = c.session_id
        returning s.session_id, s.last_seq - c.count as before),
    logged as (
      insert into public.session_events (session_id, seq, user_id, type, data)
        select i.session_id, a.before + row_number() over (partition by i.session_id order by i.ordinal), i.user_id,
            'message.created', jsonb_build_object(
              'conversation_id', i.conversation_id, 'message_id', i.id, 'from_me', i.from_me)
          from inserted i join advanced a on a.session_id = i.session_id)
    select g.session_id, case
        when l.session_id is null then 'lease_lost' when p.session_id is null then 'other' else 'stored' end
      from (select distinct session_id from given) g
      left join leased l on l.session_id = g.session_id
      left join plain p on p.session_id = g.session_id;
end
$$;
