-- What a message says beside its text: a place, cards, a poll, mentions, a preview, a notice. And the WhatsApp message itself for those
-- that need it later: to fetch their medium, to forward them, to count votes, to send them again.

alter table public.messages_new
  add column content jsonb not null default '{}'
    check (jsonb_typeof(content) = 'object' and octet_length(content::text) <= 262144),
  add column expires_at timestamptz;
comment on column public.messages_new.content is
  'What it says beside its text, by message_type: location, contacts, poll, notice, unsupported, …, and how it was sent: quote, mentions, preview, forwarded, view_once, ephemeral_seconds. Shapes: shared/content.ts.';
comment on column public.messages_new.expires_at is 'When it disappears, by the database''s clock; null for never.';

create index messages_new_expires_at_idx on public.messages_new (expires_at) where expires_at is not null;

create table private.message_protos (
  message_id uuid not null,
  user_id uuid not null,
  proto bytea not null check (octet_length(proto) between 1 and 1048576),
  primary key (message_id, user_id),
  foreign key (message_id, user_id) references public.messages_new (id, user_id) on delete cascade
);
comment on table private.message_protos is
  'The WhatsApp message of a row, where that is needed later: a medium that is fetched or forwarded, a poll whose votes are decrypted, a message of ours that is sent again.';
comment on column private.message_protos.message_id is 'Message.';
comment on column private.message_protos.user_id is 'Owner.';
comment on column private.message_protos.proto is 'proto.Message, encoded. Holds the keys of media and polls.';
create index message_protos_user_id_idx on private.message_protos (user_id);
alter table private.message_protos enable row level security;
grant select, insert, update, delete on private.message_protos to session_host;
create policy "the session host can use the kept messages" on private.message_protos
  for all to session_host using (true) with check (true);

/** As before, and what a message says beside its text, what is known of its medium, and its WhatsApp message (base64) where it is kept. */
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
