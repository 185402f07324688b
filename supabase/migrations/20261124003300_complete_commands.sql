-- What a host does for every command it carries out, each in one statement and so in one trip and one commit.

/** Closes a command that is still open: done with its result, or dead with its code. Fails with lease_lost when the epoch is stale. */
create function private.close_command(
  p_session_id uuid, p_holder uuid, p_epoch bigint, p_command_id bigint, p_status text, p_result jsonb, p_error_code text
) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  update private.session_commands set
      status = p_status, result = p_result, error_code = p_error_code, finished_at = now()
    where id = p_command_id and session_id = p_session_id and status in ('queued', 'claimed');
end
$$;
comment on function private.close_command(uuid, uuid, bigint, bigint, text, jsonb, text) is 'Closes an open command of a session, fenced by the lease.';

/**
 * WhatsApp's server has acknowledged messages, of several sessions at once: each one's status, command and event together. Changes
 * nothing of what was known. Answers the sessions whose lease is lost; nothing was done for those.
 */
create function private.acknowledge_messages(p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_wa_ids text[])
  returns table (lost_session_id uuid)
  language plpgsql
  set search_path = ''
as $$
#variable_conflict use_column
begin
  return query
    with given as materialized (
      select g.session_id, g.epoch, g.wa_id, g.n
        from unnest(p_session_ids, p_epochs, p_wa_ids) with ordinality as g(session_id, epoch, wa_id, n)),
    leased as materialized (
      select l.session_id
        from private.session_leases l
        join (select distinct session_id, epoch from given) g on g.session_id = l.session_id and g.epoch = l.epoch
        where l.holder = p_holder and l.expires_at > clock_timestamp()
        order by l.session_id
        for key share of l),
    acknowledged as materialized (
      select m.id, m.session_id, g.n
        from given g
        join leased l on l.session_id = g.session_id
        join public.messages_new m on m.session_id = g.session_id and m.wa_id = g.wa_id and m.from_me
        order by m.id
        for no key update of m),
    sent as (
      update public.messages_new m set status = 'sent', error_code = null
        from (select id, min(n) as n from acknowledged group by id) a
        where m.id = a.id and m.status in ('pending', 'failed')
        returning m.id, m.session_id, m.user_id, m.conversation_id, a.n),
    closed as (
      update private.session_commands c set status = 'done', finished_at = now()
        from acknowledged a
        where c.message_id = a.id and c.session_id = a.session_id and c.status in ('queued', 'claimed')),
    counted as materialized (select session_id, count(*) as count from sent group by session_id),
    -- Last, and in the order of their ids, as everybody who locks several.
    locked as materialized (
      select s.session_id from private.session_streams s
        where s.session_id in (select session_id from counted) order by s.session_id for no key update),
    advanced as (
      update private.session_streams s set last_seq = s.last_seq + c.count
        from counted c join locked k on k.session_id = c.session_id
        where s.session_id = c.session_id
        returning s.session_id, s.last_seq - c.count as before),
    logged as (
      insert into public.session_events (session_id, seq, user_id, type, data)
        select s.session_id, a.before + row_number() over (partition by s.session_id order by s.n), s.user_id,
            'message.status', jsonb_build_object(
              'conversation_id', s.conversation_id, 'message_id', s.id, 'status', 'sent')
          from sent s join advanced a on a.session_id = s.session_id)
    select distinct g.session_id from given g where g.session_id not in (select session_id from leased);
end
$$;
comment on function private.acknowledge_messages(uuid, uuid[], bigint[], text[]) is
  'Marks messages of several sessions as sent and their commands as done, each fenced by its lease. Answers the sessions whose lease is lost.';

revoke all on function
  private.close_command(uuid, uuid, bigint, bigint, text, jsonb, text),
  private.acknowledge_messages(uuid, uuid[], bigint[], text[])
  from public;
grant execute on function
  private.close_command(uuid, uuid, bigint, bigint, text, jsonb, text),
  private.acknowledge_messages(uuid, uuid[], bigint[], text[])
  to session_host;
