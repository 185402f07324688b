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
 * WhatsApp's server has acknowledged a message: its status, its command and the event together. Changes nothing when that was known.
 * Fails with lease_lost when the epoch is stale.
 */
create function private.acknowledge_message(p_session_id uuid, p_holder uuid, p_epoch bigint, p_wa_id text) returns void
  language plpgsql
  set search_path = ''
as $$
declare
  v_message record;
begin
  perform private.assert_lease(p_session_id, p_holder, p_epoch);
  for v_message in
    select m.id, m.user_id, m.conversation_id, m.status from public.messages_new m
      where m.session_id = p_session_id and m.wa_id = p_wa_id and m.from_me
      order by m.id for no key update
  loop
    update private.session_commands set status = 'done', finished_at = now()
      where message_id = v_message.id and session_id = p_session_id and status in ('queued', 'claimed');
    continue when v_message.status not in ('pending', 'failed');
    update public.messages_new set status = 'sent', error_code = null where id = v_message.id;
    perform private.append_events(p_session_id, v_message.user_id, jsonb_build_array(jsonb_build_object(
      'type', 'message.status', 'data', jsonb_build_object(
        'conversation_id', v_message.conversation_id, 'message_id', v_message.id, 'status', 'sent'))));
  end loop;
end
$$;
comment on function private.acknowledge_message(uuid, uuid, bigint, text) is 'Marks a message as sent and its command as done, fenced by the lease.';

revoke all on function
  private.close_command(uuid, uuid, bigint, bigint, text, jsonb, text),
  private.acknowledge_message(uuid, uuid, bigint, text)
  from public;
grant execute on function
  private.close_command(uuid, uuid, bigint, bigint, text, jsonb, text),
  private.acknowledge_message(uuid, uuid, bigint, text)
  to session_host;
