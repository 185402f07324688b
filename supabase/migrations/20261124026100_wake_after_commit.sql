-- What users ask for through a host's socket wakes the hosts after the commit: NOTIFY holds a lock of the whole database until the commit is on disk.

/**
 * Wakes the hosts: something changed in this session (a command, an event, a QR). In a transaction that has set `session_host.woken`, the
 * session is added there instead, and whoever began the transaction tells the hosts when it is committed.
 */
create or replace function private.wake_hosts(p_session_id uuid) returns void
  language plpgsql
  set search_path = ''
as $$
declare
  -- Empty in a connection that has had it set in an earlier transaction.
  v_woken text := current_setting('session_host.woken', true);
begin
  if v_woken is null or v_woken = '' then
    perform pg_notify('session_wake', p_session_id::text);
  else
    perform set_config('session_host.woken', v_woken || ',' || p_session_id, true);
  end if;
end
$$;
