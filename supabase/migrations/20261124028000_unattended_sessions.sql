-- A host that died can't say so: a session is not connected when nobody holds its lease any more, whatever its row says.

/** What the calling user's default session is instead of connected while no host holds it: {status, status_reason}; {} otherwise. */
create function private.unattended_state() returns jsonb
  language sql
  stable
  security definer
  set search_path = ''
as $$
  select coalesce((
    select jsonb_build_object('status', 'reconnecting', 'status_reason', 'host_away')
      from public.whatsapp_sessions s
      join private.session_leases l on l.session_id = s.id
      where s.user_id = private.require_user() and s.is_default and s.status = 'connected'
        and l.expires_at <= clock_timestamp()), '{}')
$$;
comment on function private.unattended_state() is 'Whether the host of the calling user''s default session is gone, as status and reason.';

create or replace function public.link_state() returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.link_state() || private.sync_state() || private.unattended_state()
$$;

revoke all on function private.unattended_state() from public, anon, authenticated, service_role;
grant execute on function private.unattended_state() to authenticated, session_host;
