-- Messages that wait too long to be sent fail and say so, whichever host is there and whether the session runs or not.

/**
 * Fails up to p_limit pending messages that were submitted more than p_seconds ago, with their commands and events, and answers the
 * sessions that they are of. What the owner of a session is handing to WhatsApp at this moment is left to it. A message that WhatsApp has
 * taken all the same is raised to sent by its acknowledgement or receipts, also after this. Never waits for a row.
 */
create function private.expire_sends(p_seconds double precision, p_limit integer default 1000) returns setof uuid
  language plpgsql
  set search_path = ''
as $$
declare
  v_session record;
begin
  for v_session in
    with due as materialized (
      select m.id, c.id as command_id
        from private.session_commands c
        join public.messages_new m on m.id = c.message_id
        where c.kind = 'send_message' and c.status in ('queued', 'claimed') and m.status = 'pending'
          and c.created_at < now() - make_interval(secs => p_seconds)
          and (c.status = 'queued' or not exists (
            select from private.session_leases l
              where l.session_id = c.session_id and l.epoch = c.claimed_epoch and l.expires_at > clock_timestamp()))
        order by c.id limit p_limit
        for no key update of m, c skip locked),
    closed as (
      update private.session_commands c set status = 'dead', error_code = 'send_timeout', finished_at = now()
        from due d where c.id = d.command_id),
    failed as (
      update public.messages_new m set status = 'failed', error_code = 'send_timeout'
        from due d where m.id = d.id
        returning m.session_id, m.user_id, m.conversation_id, m.id, m.ordinal)
    select session_id, user_id, jsonb_agg(jsonb_build_object('type', 'message.status', 'data', jsonb_build_object(
        'conversation_id', conversation_id, 'message_id', id, 'status', 'failed', 'error_code', 'send_timeout')) order by ordinal)
        as events
      from failed group by session_id, user_id order by session_id
  loop
    perform private.append_events(v_session.session_id, v_session.user_id, v_session.events);
    return next v_session.session_id;
  end loop;
end
$$;
comment on function private.expire_sends(double precision, integer) is
  'Fails messages that wait to be sent for longer than that, with their events, and answers their sessions.';
revoke all on function private.expire_sends(double precision, integer) from public, anon, authenticated, service_role;
grant execute on function private.expire_sends(double precision, integer) to session_host;
