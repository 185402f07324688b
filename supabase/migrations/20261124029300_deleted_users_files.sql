-- Somebody whose account is deleted in Supabase Auth (in the dashboard, say) loses their rows by reference; their files are no rows of
-- this schema. A host deletes them as after erase_user.

/**
 * Leaves the command erase_media behind for the files of a deleted account: at once, and once more when the last access token and the
 * last transfer of the account have ended, whose files come after the first time.
 */
create function private.erase_files_of_deleted_user() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  -- An erasure that was under way: the account's end has taken the rest of its rows.
  update private.erasures set status = 'erase_media', next_attempt_at = now() where user_id = old.id and status = 'rows';
  if not found then
    insert into private.erasures (user_id, media_prefix, status) values (old.id, old.id::text || '/', 'erase_media');
  end if;
  insert into private.erasures (user_id, media_prefix, status, next_attempt_at)
    values (old.id, old.id::text || '/', 'erase_media', now() + interval '1 day');
  perform pg_notify('session_wake', 'erase_media');
  return null;
end
$$;
comment on function private.erase_files_of_deleted_user() is 'Trigger: the files of an account that was deleted in Supabase Auth go, too.';
revoke all on function private.erase_files_of_deleted_user() from public, anon, authenticated, service_role, session_host;

create trigger erase_files_of_whatsapp_gateway after delete on auth.users
  for each row execute function private.erase_files_of_deleted_user();
