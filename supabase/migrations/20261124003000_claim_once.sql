-- A command is claimed once, also when two claims of one owner meet: the second waits for the first's row and then finds it as it was.

/**
 * Claims up to p_limit commands that may run now: the head of each lane only, never behind an open one, so nothing overtakes.
 * What an older epoch claimed and did not finish is claimed again, but not for ever: a head that was claimed 20 times, by hosts that
 * then died or failed, is dead, its message failed. The caller holds the lease (assert_lease) in this transaction.
 */
create or replace function private.claim_commands(p_session_id uuid, p_epoch bigint, p_limit integer)
  returns setof private.session_commands
  language plpgsql
  set search_path = ''
as $$
declare
  v_user uuid;
  v_events jsonb;
begin
  if exists (select from private.session_commands
      where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20) then
    with exhausted as (
      update private.session_commands set status = 'dead', error_code = 'send_timeout', finished_at = now()
        where session_id = p_session_id and status in ('queued', 'claimed') and attempts >= 20
          and (status = 'queued' or claimed_epoch < p_epoch)
        returning user_id, message_id),
    failed as (
      update public.messages_new m set status = 'failed', error_code = 'send_timeout'
        from exhausted e where m.id = e.message_id and m.status = 'pending'
        returning m.user_id, m.id, m.conversation_id, m.ordinal)
    select max(user_id::text)::uuid, jsonb_agg(jsonb_build_object('type', 'message.status', 'data', jsonb_build_object(
        'conversation_id', conversation_id, 'message_id', id, 'status', 'failed', 'error_code', 'send_timeout')) order by ordinal)
      into v_user, v_events from failed;
  end if;
  return query
    with heads as (
      select distinct on (c.lane) c.id, c.status, c.claimed_epoch, c.next_attempt_at
        from private.session_commands c
        where c.session_id = p_session_id and c.status in ('queued', 'claimed')
        order by c.lane, c.id)
    update private.session_commands c set
        status = 'claimed', claimed_epoch = p_epoch, attempts = c.attempts + 1
      from (
        select h.id from heads h
          where (h.status = 'queued' or h.claimed_epoch < p_epoch) and h.next_attempt_at <= now()
          order by h.id limit p_limit) runnable
      where c.id = runnable.id
        -- Asked of the row as it is once another claim that had it has committed.
        and (c.status = 'queued' or (c.status = 'claimed' and c.claimed_epoch < p_epoch))
      returning c.*;
  if v_events is not null then
    perform private.append_events(p_session_id, v_user, v_events);
  end if;
end
$$;
