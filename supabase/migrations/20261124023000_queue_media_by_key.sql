-- Most statements add nothing here, a text needs no medium: they look at nothing. Each of the others is looked up by its key, which a
-- plan that is made for small tables does not do.
create or replace function private.queue_media() returns trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if not exists (select from added) then
    return null;
  end if;
  insert into private.media_downloads (message_id, user_id, session_id)
    select m.id, m.user_id, m.session_id
      from added a
      -- "offset 0" keeps the lookup what it is.
      cross join lateral (
        select n.id, n.user_id, n.session_id, n.created_at, n.media_status, n.status
          from public.messages_new n where n.id = a.message_id offset 0) m
      join public.whatsapp_sessions s on s.id = m.session_id
      where m.user_id = a.user_id and m.media_status = 'pending' and m.status <> 'pending'
        and m.created_at >= date_trunc('second', s.linked_at)
    on conflict (message_id) do nothing;
  return null;
end
$$;
