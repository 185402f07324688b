-- The way out in few statements: what many sessions claim, and what becomes of what they sent, goes together, each fenced by its own lease.

/**
 * Fails what was claimed 20 times by hosts that then died or failed: its message failed, its command is dead. The caller holds the lease.
 * Answers the events that say so, for the caller to append last; null when there are none.
 */
create function private.fail_exhausted(p_session_id uuid, p_epoch bigint) returns jsonb
  language plpgsql
  set search_path = ''
as $$
declare
  v_events jsonb;
begin
  if not exists (select from private.session_commands
      where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20) then
    return null;
  end if;
  -- Messages before commands, as whoever raises a status locks them.
  perform from public.messages_new m
    where m.id in (
      select message_id from private.session_commands
        where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20)
    order by m.id for no key update;
  with exhausted as (
    update private.session_commands set status = 'dead', error_code = 'send_timeout', finished_at = now()
      where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20
        and (status = 'queued' or claimed_epoch < p_epoch)
      returning message_id),
  failed as (
    update public.messages_new m set status = 'failed', error_code = 'send_timeout'
      from exhausted e where m.id = e.message_id and m.status = 'pending'
      returning m.id, m.conversation_id, m.ordinal)
  select jsonb_agg(jsonb_build_object('type', 'message.status', 'data', jsonb_build_object(
      'conversation_id', conversation_id, 'message_id', id, 'status', 'failed', 'error_code', 'send_timeout')) order by ordinal)
    into v_events from failed;
  return v_events;
end
$$;
comment on function private.fail_exhausted(uuid, bigint) is 'Fails what was claimed too often; answers the events that say so.';

/**
 * Claims up to p_limit commands that may run now: the head of each lane, and of messages to be sent up to p_depth behind one another;
 * never behind an open one that is not claimed with it, so nothing overtakes as long as the host hands over a lane's messages in order.
 * What an older epoch claimed and did not finish is claimed again. The caller holds the lease (assert_lease) in this transaction.
 */
create function private.claim_runs(p_session_id uuid, p_epoch bigint, p_limit integer, p_depth integer)
  returns setof private.session_commands
  language plpgsql
  -- What joins these must not read whole tables for them.
  rows 20
  set search_path = ''
as $$
begin
  return query
    with lanes as (
      select c.id, row_number() over lane as place,
          bool_and((c.status = 'queued' or c.claimed_epoch < p_epoch) and c.next_attempt_at <= now()) over lane as is_free,
          bool_and(c.kind = 'send_message') over lane as is_run
        from private.session_commands c
        where c.session_id = p_session_id and c.status in ('queued', 'claimed')
        window lane as (partition by c.lane order by c.id rows unbounded preceding))
    update private.session_commands c set
        status = 'claimed', claimed_epoch = p_epoch, attempts = c.attempts + 1
      from (
        select l.id from lanes l
          where l.is_free and (l.place = 1 or (l.is_run and l.place <= p_depth))
          order by l.id limit p_limit) runnable
      where c.id = runnable.id
        -- Asked of the row as it is once another claim that had it has committed.
        and (c.status = 'queued' or (c.status = 'claimed' and c.claimed_epoch < p_epoch))
      returning c.*;
end
$$;
comment on function private.claim_runs(uuid, bigint, integer, integer) is
  'Claims the heads of a session''s lanes for a lease epoch, and messages behind them.';

/** As before, in terms of the two. */
create or replace function private.claim_commands(p_session_id uuid, p_epoch bigint, p_limit integer)
  returns setof private.session_commands
  language plpgsql
  set search_path = ''
as $$
declare
  v_events jsonb := private.fail_exhausted(p_session_id, p_epoch);
begin
  return query select * from private.claim_runs(p_session_id, p_epoch, p_limit, 1);
  if v_events is not null then
    perform private.append_events(p_session_id, (select user_id from public.whatsapp_sessions where id = p_session_id), v_events);
  end if;
end
$$;

/**
 * Claims for several sessions of a host (private.claim_runs), with what it takes to send the messages. Per session one row of outcome
 * `lease_lost`, nothing was claimed then; or a row `claimed` for each command and one row `rest`: in how many seconds (null: never) the next
 * head may run that has to wait for its time, whether something is due that waits for another one to end, or for room, and how many
 * commands the epoch holds now. It waits for rows that somebody holds so many milliseconds (0: as long as it takes): one whose rows are held
 * must not keep the others waiting.
 * A message is looked up a command, never joined the other way about.
 * Nobody waits for the disk: a claim that a crash of the database undoes is made again, and a send has the same id each time.
 */
create function private.claim_work(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_limits integer[], p_depths integer[], p_patience_ms integer
) returns table (
    session_id uuid, outcome text, id bigint, user_id uuid, kind text, lane text, conversation_id uuid, message_id uuid, payload jsonb,
    attempts integer, created_at timestamptz, message jsonb, proto bytea, sealed_as text, seconds double precision, is_behind boolean,
    held integer)
  language plpgsql
  set search_path = ''
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_session record;
  v_events jsonb;
  v_claimed private.session_commands[];
begin
  perform set_config('synchronous_commit', 'off', true);
  if p_patience_ms > 0 then
    perform set_config('lock_timeout', p_patience_ms::text, true);
  end if;
  for v_session in
    select g.id, g.epoch, g.most, g.depth
      from unnest(p_session_ids, p_epochs, p_limits, p_depths) as g(id, epoch, most, depth) order by g.id
  loop
    perform from private.session_leases l
      where l.session_id = v_session.id and l.holder = p_holder and l.epoch = v_session.epoch and l.expires_at > clock_timestamp()
      for key share;
    if not found then
      session_id := v_session.id;
      outcome := 'lease_lost';
      return next;
      continue;
    end if;
    v_events := private.fail_exhausted(v_session.id, v_session.epoch);
    -- Claimed first, looked up then: the claim sees what was submitted since its statement began, and one query with it would not.
    v_claimed := array(
      select k from private.claim_runs(v_session.id, v_session.epoch, v_session.most, v_session.depth) k);
    return query
      select v_session.id, 'claimed', k.id, k.user_id, k.kind, k.lane, k.conversation_id, k.message_id, k.payload, k.attempts, k.created_at,
          o.message, o.proto, o.sealed_as, null::double precision, null::boolean, null::integer
        from unnest(v_claimed) k
        left join lateral (
          select jsonb_build_object(
              'id', m.id, 'conversation_id', m.conversation_id, 'wa_id', m.wa_id, 'type', m.message_type, 'text', m.text_content,
              'content', m.content, 'status', m.status,
              -- A person's LID when it is known (one ratchet a person), else the number; or the group.
              'address', (
                select coalesce((
                    select i.jid from public.contact_identities i
                      where i.contact_id = c.contact_id order by i.kind, i.created_at desc limit 1), c.external_id)
                  from public.conversations_new c where c.id = m.conversation_id),
              'quoted', (
                select jsonb_build_object('wa_id', q.wa_id, 'from_me', q.from_me, 'sender_jid', q.sender_jid, 'type', q.message_type,
                    'text', q.text_content)
                  from public.messages_new q
                  where q.session_id = m.session_id and q.wa_id = m.reply_to_wa_id and q.conversation_id = m.conversation_id limit 1)
              ) as message,
              p.proto, coalesce(p.sealed_as, m.session_id::text || '/message/' || m.wa_id) as sealed_as
            from public.messages_new m left join private.message_protos p on p.message_id = m.id
            where m.id = k.message_id and m.session_id = k.session_id and k.kind = 'send_message'
            limit 1) o on true
        order by k.id;
    if v_events is not null then
      -- A number that somebody has seen must not be given to another event after a crash of the database.
      perform set_config('synchronous_commit', 'on', true);
      perform private.append_events(
        v_session.id, (select s.user_id from public.whatsapp_sessions s where s.id = v_session.id), v_events);
    end if;
    return query
      select v_session.id, 'rest', null::bigint, null::uuid, null, null, null::uuid, null::uuid, null::jsonb, null::integer,
          null::timestamptz, null::jsonb, null::bytea, null,
          -- Heads only: what waits behind one says nothing of when it may run.
          extract(epoch from min(o.next_attempt_at) filter (
            where o.is_head and o.status = 'queued' and o.next_attempt_at > now()) - now())::double precision,
          coalesce(bool_or(o.status = 'queued' and o.next_attempt_at <= now()), false),
          (count(*) filter (where o.status = 'claimed' and o.claimed_epoch = v_session.epoch))::integer
        from (
          select k.status, k.claimed_epoch, k.next_attempt_at, row_number() over (partition by k.lane order by k.id) = 1 as is_head
            from private.session_commands k
            where k.session_id = v_session.id and k.status in ('queued', 'claimed')) o;
  end loop;
end
$$;
comment on function private.claim_work(uuid, uuid[], bigint[], integer[], integer[], integer) is
  'Claims commands of several sessions, each fenced by its lease, with what it takes to send their messages.';

/**
 * What WhatsApp has said of own messages of several sessions, each fenced by its lease: a status that only ever rises, the command that is
 * done with it, and the events. Item i is what a chat (a JID) has said, or the server itself when p_chats[i] is null. Answers what was not
 * done: `lease_lost`, or `unknown` when there is no such message in that chat, for every item that this is true of.
 * Whoever says that a message has got further proves what a lost acknowledgement would have said. It waits for rows that somebody holds so
 * many milliseconds (0: as long as it takes): one whose rows are held must not keep the others waiting.
 */
create function private.raise_statuses(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_chats text[], p_wa_ids text[], p_statuses text[], p_patience_ms integer
) returns table (n integer, outcome text)
  language plpgsql
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  if p_patience_ms > 0 then
    perform set_config('lock_timeout', p_patience_ms::text, true);
  end if;
  return query
    with given as materialized (
      select g.session_id, g.epoch, g.chat, g.wa_id, g.status, private.status_rank(g.status) as rank, g.n::integer as n
        from unnest(p_session_ids, p_epochs, p_chats, p_wa_ids, p_statuses) with ordinality
          as g(session_id, epoch, chat, wa_id, status, n)),
    leased as materialized (
      select l.session_id, l.epoch
        from private.session_leases l
        join (select distinct session_id, epoch from given) g on g.session_id = l.session_id and g.epoch = l.epoch
        where l.holder = p_holder and l.expires_at > clock_timestamp()
        order by l.session_id
        for key share of l),
    found as materialized (
      select m.id, m.session_id, m.user_id, m.conversation_id, m.status as before, g.rank, g.status, g.chat is null as is_ack, g.n
        from given g
        join leased l on l.session_id = g.session_id and l.epoch = g.epoch
        join public.messages_new m on m.session_id = g.session_id and m.wa_id = g.wa_id and m.from_me
        join public.conversations_new c on c.id = m.conversation_id
        where g.chat is null or c.external_id = g.chat or exists (
          select from public.contact_identities i
            where i.session_id = g.session_id and i.contact_id = c.contact_id and i.jid = g.chat)
        order by m.id
        for no key update of m),
    furthest as materialized (
      select distinct on (id) id, session_id, user_id, conversation_id, before, rank, status,
          bool_or(is_ack) over (partition by id) as is_acked, min(n) over (partition by id) as n
        from found order by id, rank desc),
    raised as (
      update public.messages_new m set status = f.status, error_code = null
        from furthest f
        where m.id = f.id and f.rank > private.status_rank(f.before)
        returning m.id, f.session_id, f.user_id, f.conversation_id, f.before in ('pending', 'failed') as is_proven, f.status, f.n),
    closed as (
      update private.session_commands c set status = 'done', finished_at = now()
        from furthest f
        where c.message_id = f.id and c.session_id = f.session_id and c.status in ('queued', 'claimed')
          and (f.is_acked or f.before in ('pending', 'failed'))
        returning c.id),
    told as materialized (
      select r.session_id, r.user_id, r.conversation_id, r.id, s.status, row_number() over (
          partition by r.session_id order by r.n, private.status_rank(s.status)) as place
        from raised r
        cross join lateral (
          select 'sent' as status where r.is_proven and r.status <> 'sent' union all select r.status) s),
    counted as materialized (select session_id, count(*) as count from told group by session_id),
    -- Last (also after the commands, which would be closed at the end if nobody asked for them), and in the order of their ids, as everybody
    -- who locks several.
    locked as materialized (
      select s.session_id from private.session_streams s
        where s.session_id in (select session_id from counted) and (select count(*) from closed) >= 0
        order by s.session_id for no key update),
    advanced as (
      update private.session_streams s set last_seq = s.last_seq + c.count
        from counted c join locked k on k.session_id = c.session_id
        where s.session_id = c.session_id
        returning s.session_id, s.last_seq - c.count as before),
    logged as (
      insert into public.session_events (session_id, seq, user_id, type, data)
        select t.session_id, a.before + t.place, t.user_id, 'message.status', jsonb_build_object(
            'conversation_id', t.conversation_id, 'message_id', t.id, 'status', t.status)
          from told t join advanced a on a.session_id = t.session_id)
    select g.n, case when (g.session_id, g.epoch) in (select l.session_id, l.epoch from leased l) then 'unknown' else 'lease_lost' end
      from given g
      where not exists (select from found f where f.n = g.n)
      order by g.n;
end
$$;
comment on function private.raise_statuses(uuid, uuid[], bigint[], text[], text[], text[], integer) is
  'Raises the statuses of own messages of several sessions, each fenced by its lease. Answers what was not done.';

revoke all on function
  private.fail_exhausted(uuid, bigint),
  private.claim_runs(uuid, bigint, integer, integer),
  private.claim_work(uuid, uuid[], bigint[], integer[], integer[], integer),
  private.raise_statuses(uuid, uuid[], bigint[], text[], text[], text[], integer)
  from public;
grant execute on function
  private.fail_exhausted(uuid, bigint),
  private.claim_runs(uuid, bigint, integer, integer),
  private.claim_work(uuid, uuid[], bigint[], integer[], integer[], integer),
  private.raise_statuses(uuid, uuid[], bigint[], text[], text[], text[], integer)
  to session_host;
