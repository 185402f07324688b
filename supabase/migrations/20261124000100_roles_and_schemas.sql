-- The host's own role and the schema that the API does not expose: everything below builds on these two.

do $$
begin
  if not exists (select from pg_roles where rolname = 'session_host') then
    create role session_host nologin noinherit nobypassrls;
  end if;
end
$$;

-- On a hosted project DATABASE_URL logs in as postgres; the host then does `set role session_host`.
do $$
begin
  execute format('grant session_host to %I', current_user);
exception
  when others then
    -- A superuser needs no membership, and some platforms refuse a grant to oneself.
    raise notice 'session_host is not granted to %: %', current_user, sqlerrm;
end
$$;

comment on role session_host is
  'Login of the session-host. Member of nothing; reaches only what the policies named for it allow.';

create schema private;
comment on schema private is
  'Not exposed by the API: WhatsApp credentials, leases, commands and the definer half of every public function.';

revoke all on schema private from public;
grant usage on schema private to authenticated, service_role, session_host;
grant usage on schema public to session_host;

/** Keeps updated_at true on every update. */
create function private.touch_updated_at() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.updated_at := now();
  return new;
end
$$;

/** Raises one error of the public table (shared/errors.ts): PostgREST answers with that HTTP status, the hint is the code. */
create function private.fail(p_status integer, p_code text, p_message text) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || p_status::text,
    message = p_message,
    hint = p_code;
end
$$;

/** The calling user, or an error of the public table when nobody is signed in. */
create function private.require_user() returns uuid
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_user uuid := auth.uid();
begin
  if v_user is null then
    perform private.fail(401, 'invalid_token', 'Sign in first.');
  end if;
  return v_user;
end
$$;

revoke all on function private.touch_updated_at() from public;
revoke all on function private.fail(integer, text, text) from public;
revoke all on function private.require_user() from public;
