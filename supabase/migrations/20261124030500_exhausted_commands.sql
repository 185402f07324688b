-- What was claimed too often fails: the statement that does it can't stand inside an expression.

create or replace function private.fail_exhausted(p_session_id uuid, p_epoch bigint) returns jsonb
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
