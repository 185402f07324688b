-- What became of an action that WhatsApp was asked for, in the event log: whoever asked over the socket learns it there.

/** Trigger: tells of an action that is done, or can't be done, in the transaction that closes it. */
create function private.announce_command() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  perform private.append_events(new.session_id, new.user_id, jsonb_build_array(jsonb_build_object(
    'type', case new.status when 'done' then 'command.finished' else 'command.failed' end,
    'data', jsonb_strip_nulls(jsonb_build_object('command_id', new.id, 'command', new.kind,
      'conversation_id', new.conversation_id, 'error_code', case new.status when 'dead' then coalesce(new.error_code, 'internal') end)))));
  return null;
end
$$;
comment on function private.announce_command() is 'Trigger: an event for an action that is done or has failed.';
revoke all on function private.announce_command() from public, anon, authenticated, service_role, session_host;

-- Sends have events of their own, and of reading and chats the rows say it all.
create trigger session_commands_announce after update of status on private.session_commands
  for each row when (old.status in ('queued', 'claimed') and new.status in ('done', 'dead') and new.kind in (
    'edit_message', 'delete_message', 'react', 'vote', 'set_disappearing', 'group', 'reject_call', 'request_history'))
  execute function private.announce_command();
