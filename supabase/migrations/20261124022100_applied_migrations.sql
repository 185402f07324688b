-- The host's doctor asks which migrations are applied, as the role that the host works as.

/** Versions of the migrations that are applied, as the Supabase CLI records them. */
create function private.applied_migrations() returns setof text
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
begin
  return query select m.version::text from supabase_migrations.schema_migrations m;
end
$$;
comment on function private.applied_migrations() is 'Versions of the migrations that are applied.';
revoke all on function private.applied_migrations() from public, anon, authenticated, service_role;
grant execute on function private.applied_migrations() to session_host;
