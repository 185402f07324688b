-- Sessions: one row a linked WhatsApp number, with its desired state, lease, event stream and linking attempt.

create table public.whatsapp_sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  is_default boolean not null default true,
  desired text not null default 'stopped' check (desired in ('running', 'stopped')),
  status text not null default 'unlinked'
    check (status in ('unlinked', 'linking', 'connecting', 'connected', 'reconnecting', 'logged_out', 'stopped')),
  status_reason text check (status_reason ~ '^[a-z0-9_]{1,64}$'),
  status_at timestamptz not null default now(),
  phone text check (phone ~ '^[0-9]{5,20}$'),
  lid text check (lid ~ '^[0-9]{1,20}$'),
  push_name text check (char_length(push_name) <= 256),
  linked_at timestamptz,
  sync_progress smallint check (sync_progress between 0 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, user_id)
);

comment on table public.whatsapp_sessions is 'A WhatsApp number linked by a user, or about to be. The API addresses the default one.';
comment on column public.whatsapp_sessions.id is 'Random id; the sessionId of every event.';
comment on column public.whatsapp_sessions.user_id is 'Owner.';
comment on column public.whatsapp_sessions.is_default is 'The session that the API addresses; one a user.';
comment on column public.whatsapp_sessions.desired is 'running: some host should hold its connection. Set by the owner''s requests and by final disconnects.';
comment on column public.whatsapp_sessions.status is 'What the connection is doing now, written by the host that holds the lease.';
comment on column public.whatsapp_sessions.status_reason is 'Code of the last trouble, e.g. logged_out, replaced, link_expired.';
comment on column public.whatsapp_sessions.status_at is 'Since when the status holds.';
comment on column public.whatsapp_sessions.phone is 'The linked number, digits only, country code first.';
comment on column public.whatsapp_sessions.lid is 'User part of the account''s LID, WhatsApp''s number-less identity.';
comment on column public.whatsapp_sessions.push_name is 'Name that the account shows to others.';
comment on column public.whatsapp_sessions.linked_at is 'When the number was last linked; null after a logout.';
comment on column public.whatsapp_sessions.sync_progress is 'Percent of the history that has arrived, null before it starts.';
comment on column public.whatsapp_sessions.created_at is 'When the row was made.';
comment on column public.whatsapp_sessions.updated_at is 'When the row was last changed.';

create unique index whatsapp_sessions_default_idx on public.whatsapp_sessions (user_id) where is_default;
create unique index whatsapp_sessions_phone_idx on public.whatsapp_sessions (user_id, phone);
create index whatsapp_sessions_running_idx on public.whatsapp_sessions (id) where desired = 'running';

create trigger whatsapp_sessions_touch before update on public.whatsapp_sessions
  for each row execute function private.touch_updated_at();

alter table public.whatsapp_sessions enable row level security;

grant select on public.whatsapp_sessions to authenticated, service_role;
grant select, insert, update on public.whatsapp_sessions to session_host;

create policy "users can view their own sessions" on public.whatsapp_sessions
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can view sessions" on public.whatsapp_sessions
  for select to session_host using (true);
create policy "the session host can create sessions" on public.whatsapp_sessions
  for insert to session_host with check (true);
create policy "the session host can update sessions" on public.whatsapp_sessions
  for update to session_host using (true) with check (true);

-- The stream: the row that hands out seq. Locked last before every commit, so seq is gapless and in commit order.
create table private.session_streams (
  session_id uuid primary key references public.whatsapp_sessions (id) on delete cascade,
  first_seq bigint not null default 1 check (first_seq >= 1),
  last_seq bigint not null default 0 check (last_seq >= 0)
);
comment on table private.session_streams is 'First kept and last used seq of each session''s event log.';
comment on column private.session_streams.session_id is 'Session.';
comment on column private.session_streams.first_seq is 'Oldest seq that is still kept; an older cursor must resync.';
comment on column private.session_streams.last_seq is 'Newest seq.';

create function private.create_session_stream() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  insert into private.session_streams (session_id) values (new.id);
  return new;
end
$$;
revoke all on function private.create_session_stream() from public;

create trigger whatsapp_sessions_stream after insert on public.whatsapp_sessions
  for each row execute function private.create_session_stream();

-- The lease: the host named here owns the connection until expires_at by the database's clock.
create table private.session_leases (
  session_id uuid primary key references public.whatsapp_sessions (id) on delete cascade,
  holder uuid not null,
  epoch bigint not null default 1 check (epoch >= 1),
  expires_at timestamptz not null
);
comment on table private.session_leases is 'Which host owns a session. Every write of a host carries the epoch and is refused when it is stale.';
comment on column private.session_leases.session_id is 'Session.';
comment on column private.session_leases.holder is 'Id that the host made for itself when it started.';
comment on column private.session_leases.epoch is 'Grows by one with every change of holder: the fencing token.';
comment on column private.session_leases.expires_at is 'Until when it holds, by the database''s clock.';

-- The linking attempt: one overwritten row, because the QR text holds the adv secret.
create table private.linking_attempts (
  session_id uuid primary key references public.whatsapp_sessions (id) on delete cascade,
  qr text check (qr like 'data:image/png;base64,%'),
  qr_expires_at timestamptz,
  attempt smallint not null default 1 check (attempt >= 1),
  version bigint not null default 1,
  requested_at timestamptz not null default now()
);
comment on table private.linking_attempts is 'The newest QR of a session that is being linked. Read by its owner through link_state(), deleted on link or expiry.';
comment on column private.linking_attempts.session_id is 'Session.';
comment on column private.linking_attempts.qr is 'PNG data URL of the QR. Holds a secret: never in events, Realtime or logs.';
comment on column private.linking_attempts.qr_expires_at is 'Until when WhatsApp accepts it.';
comment on column private.linking_attempts.attempt is 'Which automatic try this is, from 1.';
comment on column private.linking_attempts.version is 'Grows with every QR, so a reader can tell a new one.';
comment on column private.linking_attempts.requested_at is 'When the owner asked.';

-- Live sockets, counted across hosts: at most 5 a user.
create table private.socket_connections (
  id text primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  holder uuid not null,
  expires_at timestamptz not null
);
comment on table private.socket_connections is 'Live Socket.IO connections of all hosts; a dead host''s rows run out.';
comment on column private.socket_connections.id is 'Socket id.';
comment on column private.socket_connections.user_id is 'User of the token.';
comment on column private.socket_connections.holder is 'Host that serves it.';
comment on column private.socket_connections.expires_at is 'Until when it counts unless renewed.';
create index socket_connections_user_id_idx on private.socket_connections (user_id);
create index socket_connections_holder_idx on private.socket_connections (holder);

alter table private.session_streams enable row level security;
alter table private.session_leases enable row level security;
alter table private.linking_attempts enable row level security;
alter table private.socket_connections enable row level security;

grant select, update on private.session_streams to session_host;
grant select, insert, update, delete on private.session_leases to session_host;
grant select, insert, update, delete on private.linking_attempts to session_host;
grant select, insert, update, delete on private.socket_connections to session_host;

create policy "the session host can use streams" on private.session_streams
  for all to session_host using (true) with check (true);
create policy "the session host can use leases" on private.session_leases
  for all to session_host using (true) with check (true);
create policy "the session host can use linking attempts" on private.linking_attempts
  for all to session_host using (true) with check (true);
create policy "the session host can count sockets" on private.socket_connections
  for all to session_host using (true) with check (true);

/**
 * Takes or renews the lease of a session. Returns the epoch, or null when another host holds it.
 * The row lock of a take-over waits for writers of the old epoch (they hold it FOR KEY SHARE), so none commits after it.
 */
create function private.acquire_lease(p_session_id uuid, p_holder uuid, p_seconds double precision) returns bigint
  language plpgsql
  set search_path = ''
as $$
declare
  v_lease private.session_leases;
  v_until timestamptz := clock_timestamp() + make_interval(secs => p_seconds);
begin
  insert into private.session_leases (session_id, holder, epoch, expires_at)
    values (p_session_id, p_holder, 1, v_until)
    on conflict (session_id) do nothing;
  if found then
    return 1;
  end if;
  select * into v_lease from private.session_leases where session_id = p_session_id for update;
  if v_lease.holder = p_holder and v_lease.expires_at > clock_timestamp() then
    update private.session_leases set expires_at = v_until where session_id = p_session_id;
    return v_lease.epoch;
  end if;
  if v_lease.expires_at > clock_timestamp() then
    return null;
  end if;
  update private.session_leases
    set holder = p_holder, epoch = v_lease.epoch + 1, expires_at = clock_timestamp() + make_interval(secs => p_seconds)
    where session_id = p_session_id;
  return v_lease.epoch + 1;
end
$$;
revoke all on function private.acquire_lease(uuid, uuid, double precision) from public;
grant execute on function private.acquire_lease(uuid, uuid, double precision) to session_host;

/** Fails with lease_lost unless this holder's epoch is current and unexpired; keeps it so until the transaction ends. */
create function private.assert_lease(p_session_id uuid, p_holder uuid, p_epoch bigint) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  perform from private.session_leases
    where session_id = p_session_id and holder = p_holder and epoch = p_epoch and expires_at > clock_timestamp()
    for key share;
  if not found then
    perform private.fail(409, 'lease_lost', 'Another host holds this session.');
  end if;
end
$$;
revoke all on function private.assert_lease(uuid, uuid, bigint) from public;
grant execute on function private.assert_lease(uuid, uuid, bigint) to session_host;
grant execute on function private.fail(integer, text, text) to session_host;
