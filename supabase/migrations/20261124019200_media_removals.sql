-- Files of messages that are gone: deleted for everyone, disappeared, erased. SQL can't delete objects of Storage, so their paths wait
-- here for a host. What users have put into their folder themselves is theirs and stays.

create table private.media_removals (
  path text primary key check (path ~ '^[0-9a-f-]{36}/(in|out)/[^/]+$'),
  user_id uuid not null,
  session_id uuid not null,
  attempts integer not null default 0 check (attempts >= 0),
  next_attempt_at timestamptz not null default now(),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);
comment on table private.media_removals is 'Objects of the bucket media that no message shows any more, to be deleted through the Storage API.';
comment on column private.media_removals.path is 'Path of the object; the host made it, and it never stands for another file.';
comment on column private.media_removals.user_id is 'Whose it was.';
comment on column private.media_removals.session_id is 'Session of its message; when that goes as a whole, so does the folder.';
comment on column private.media_removals.attempts is 'How often it was tried.';
comment on column private.media_removals.next_attempt_at is 'Not before.';
create index media_removals_session_user_idx on private.media_removals (session_id, user_id);
create index media_removals_due_idx on private.media_removals (next_attempt_at);
alter table private.media_removals enable row level security;
grant select, insert, update, delete on private.media_removals to session_host;
create policy "the session host can use the removals of media" on private.media_removals
  for all to session_host using (true) with check (true);

create index messages_new_media_url_idx on public.messages_new (user_id, media_url) where media_url is not null;

/** Queues those of the paths that the host made and no message of the user shows. A user who is erased loses the whole folder anyway. */
create function private.remove_unused_media(p_session_id uuid, p_user_id uuid, p_paths text[]) returns void
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  insert into private.media_removals (path, user_id, session_id)
    select distinct p.path, p_user_id, p_session_id from unnest(p_paths) as p(path)
      where p.path ~ ('^' || p_user_id::text || '/(in|out)/[^/]+$')
        and exists (select from public.whatsapp_sessions s where s.id = p_session_id)
        and not exists (select from public.messages_new m where m.user_id = p_user_id and m.media_url = p.path)
        and not exists (select from private.erasures e where e.user_id = p_user_id and e.status <> 'done')
    on conflict (path) do nothing;
  if found then
    perform pg_notify('session_wake', 'erase_media');
  end if;
end
$$;
comment on function private.remove_unused_media(uuid, uuid, text[]) is 'Queues the removal of files that no message shows any more.';

create function private.remove_media_of_deleted() returns trigger
  language plpgsql
  set search_path = ''
as $$
declare
  v_owner record;
begin
  for v_owner in
    select session_id, user_id, array_agg(media_url) as paths from gone where media_url is not null group by 1, 2 loop
    perform private.remove_unused_media(v_owner.session_id, v_owner.user_id, v_owner.paths);
  end loop;
  return null;
end
$$;
comment on function private.remove_media_of_deleted() is 'Trigger: the files of messages that were deleted go, too.';
create trigger remove_media after delete on public.messages_new
  referencing old table as gone for each statement execute function private.remove_media_of_deleted();

/** A message that is deleted for everyone loses what is known of its medium with its text. */
create function private.erase_media_of_revoked() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  new.media_status := 'erased';
  new.media_url := null;
  new.media_sha256 := null;
  new.media_file_name := null;
  new.media_waveform := null;
  return new;
end
$$;
comment on function private.erase_media_of_revoked() is 'Trigger: a message that is deleted for everyone loses its medium.';
create trigger erase_media before update of revoked_at on public.messages_new
  for each row when (old.revoked_at is null and new.revoked_at is not null and old.media_status is not null)
  execute function private.erase_media_of_revoked();

create function private.remove_media_of_revoked() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  delete from private.media_downloads where message_id = new.id;
  if old.media_url is not null then
    perform private.remove_unused_media(old.session_id, old.user_id, array[old.media_url]);
  end if;
  return null;
end
$$;
comment on function private.remove_media_of_revoked() is 'Trigger: the file of a message that was deleted for everyone goes, too.';
create trigger remove_media_of_revoked after update of revoked_at on public.messages_new
  for each row when (old.revoked_at is null and new.revoked_at is not null and old.media_status is not null)
  execute function private.remove_media_of_revoked();

revoke all on function
  private.remove_unused_media(uuid, uuid, text[]), private.remove_media_of_deleted(), private.erase_media_of_revoked(),
  private.remove_media_of_revoked()
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.remove_unused_media(uuid, uuid, text[]) to session_host;
