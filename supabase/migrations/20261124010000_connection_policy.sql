-- What a connection's trouble leaves behind: how long to wait, what WhatsApp restricts, and the client version that it accepts.

alter table public.whatsapp_sessions
  add column retry_count integer not null default 0 check (retry_count >= 0),
  add column retry_at timestamptz,
  add column restriction text check (restriction in ('reachout_timelock', 'message_cap', 'temporarily_banned')),
  add column restricted_until timestamptz,
  add column client_revision bigint check (client_revision between 1 and 4294967295),
  add check (restriction is not null or restricted_until is null);
comment on column public.whatsapp_sessions.retry_count is 'Connections in a row that failed; what the pause before the next one grows with, also after a restart of the host.';
comment on column public.whatsapp_sessions.retry_at is 'When it connects again; null while it is not waiting.';
comment on column public.whatsapp_sessions.restriction is 'What WhatsApp does not let this account do: reachout_timelock (no new chats), message_cap (no more messages to new chats), temporarily_banned.';
comment on column public.whatsapp_sessions.restricted_until is 'Until when, as far as WhatsApp has told.';
comment on column public.whatsapp_sessions.client_revision is 'Revision of WhatsApp Web (2.3000.x) that it was last accepted with; hosts use the newest one of all sessions.';

/** What the calling user's default session waits for and may not do: {retry_at, restriction, restricted_until}. */
create function private.connection_state() returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_state jsonb;
begin
  select jsonb_build_object(
      'retry_at', case when s.status = 'reconnecting' then s.retry_at end,
      'restriction', case when s.restricted_until is null or s.restricted_until > now() then s.restriction end,
      'restricted_until', case when s.restricted_until > now() then s.restricted_until end)
    into v_state from public.whatsapp_sessions s where s.user_id = v_user and s.is_default;
  return coalesce(v_state, jsonb_build_object('retry_at', null, 'restriction', null, 'restricted_until', null));
end
$$;
comment on function private.connection_state() is 'Definer half of public.connection_state.';

create function public.connection_state() returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.connection_state()
$$;
comment on function public.connection_state() is 'When your default session connects again, and what WhatsApp does not let it do: {retry_at, restriction, restricted_until}.';

revoke all on function private.connection_state(), public.connection_state() from public, anon, authenticated, service_role;
grant execute on function private.connection_state() to authenticated, session_host;
grant execute on function public.connection_state() to authenticated;
