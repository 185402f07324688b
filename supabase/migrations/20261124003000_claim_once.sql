-- A command is claimed once, also when two claims of one owner meet.

/**
 * Claims up to p_limit commands that may run now: the head of each lane only, never behind an open one, so nothing overtakes.
 * What an older epoch claimed and did not finish is claimed again. The caller holds the lease (assert_lease) in this transaction.
 */
create or replace function private.claim_commands(p_session_id uuid, p_epoch bigint, p_limit integer)
  returns setof private.session_commands
  language sql
  set search_path = ''
as $$
  with heads as (
    select distinct on (lane) id, status, claimed_epoch, next_attempt_at
      from private.session_commands
      where session_id = p_session_id and status in ('queued', 'claimed')
      order by lane, id)
  update private.session_commands c set
      status = 'claimed', claimed_epoch = p_epoch, attempts = c.attempts + 1
    from (
      select id from heads
        where (status = 'queued' or claimed_epoch < p_epoch) and next_attempt_at <= now()
        order by id limit p_limit) runnable
    where c.id = runnable.id
      -- Asked of the row as it is once another claim that had it has committed.
      and (c.status = 'queued' or (c.status = 'claimed' and c.claimed_epoch < p_epoch))
    returning c.*
$$;
