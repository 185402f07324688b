-- Media: the private bucket that files of messages lie in, in one folder a user. Its name is the user's id, so that a path says whose
-- it is; the host writes what comes in with its service key, which no policy holds. Where there is no Storage, nothing happens.
do $do$
begin
  if to_regclass('storage.buckets') is null or to_regclass('storage.objects') is null then
    raise notice 'There is no Supabase Storage here: media can''t be kept.';
    return;
  end if;

  -- Dynamic, since these tables need not be there when this file is read.
  execute $sql$
    insert into storage.buckets (id, name, public, file_size_limit) values ('media', 'media', false, 104857600)
      on conflict (id) do update set public = false, file_size_limit = excluded.file_size_limit
  $sql$;

  execute 'drop policy if exists "users can read the media in their own folder" on storage.objects';
  execute $sql$
    create policy "users can read the media in their own folder" on storage.objects
      for select to authenticated
      using (bucket_id = 'media' and (storage.foldername(name))[1] = (select auth.uid())::text)
  $sql$;
  execute 'drop policy if exists "users can add media to their own folder" on storage.objects';
  execute $sql$
    create policy "users can add media to their own folder" on storage.objects
      for insert to authenticated
      with check (bucket_id = 'media' and (storage.foldername(name))[1] = (select auth.uid())::text)
  $sql$;
  execute 'drop policy if exists "users can change the media in their own folder" on storage.objects';
  execute $sql$
    create policy "users can change the media in their own folder" on storage.objects
      for update to authenticated
      using (bucket_id = 'media' and (storage.foldername(name))[1] = (select auth.uid())::text)
      with check (bucket_id = 'media' and (storage.foldername(name))[1] = (select auth.uid())::text)
  $sql$;
  execute 'drop policy if exists "users can delete the media in their own folder" on storage.objects';
  execute $sql$
    create policy "users can delete the media in their own folder" on storage.objects
      for delete to authenticated
      using (bucket_id = 'media' and (storage.foldername(name))[1] = (select auth.uid())::text)
  $sql$;
end
$do$;
