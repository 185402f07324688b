-- Whoever is in a group of thousands is known by number and LID, and no contact of anybody for that.

/** As before, without those of whom there is neither a name nor a conversation; a search finds them. */
create or replace function private.list_contacts(
  p_limit integer, p_after_name text, p_after_id uuid, p_query text, p_session_id uuid
) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text, blocked boolean, photo_url text
)
  language plpgsql
  stable
  security definer
  set search_path = ''
  set enable_seqscan = off
as $$
declare
  v_user uuid := private.require_user();
  v_session uuid;
  v_limit integer := least(greatest(coalesce(p_limit, 50), 1), 201);
  v_patterns text[] := private.haystack_patterns(p_query);
  v_after_name text := coalesce(p_after_name, '');
  v_after_id uuid := coalesce(p_after_id, '00000000-0000-0000-0000-000000000000');
  v_page public.contacts[];
begin
  select s.id into v_session from public.whatsapp_sessions s
    where s.user_id = v_user and case when p_session_id is null then s.is_default else s.id = p_session_id end;
  if v_session is null then
    return;
  end if;
  if v_patterns is null then
    select array_agg(p) into v_page from (
      select c.* from public.contacts c
        where c.session_id = v_session and c.user_id = v_user
          and (c.sort_name, c.id) > (v_after_name, v_after_id)
          and (c.sort_name < '~' or c.blocked or exists (
            select from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user))
        order by c.sort_name, c.id
        limit v_limit) p;
  else
    with hits as materialized (
      select c.* from public.contacts c
        where c.session_id = v_session
          and (c.search_text like v_patterns[1]
            or c.search_text like coalesce(v_patterns[2], v_patterns[1])))
    select array_agg(p) into v_page from (
      select h.* from hits h
        where h.user_id = v_user
          and (h.sort_name, h.id) > (v_after_name, v_after_id)
        order by h.sort_name, h.id
        limit v_limit) p;
  end if;
  return query
    select c.id, c.session_id, c.name, c.push_name, c.verified_name, c.phone,
        array(select i.jid from public.contact_identities i
          where i.contact_id = c.id and i.user_id = v_user order by i.kind desc, i.created_at desc, i.jid),
        (select n.id from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user),
        c.created_at, c.updated_at, c.sort_name, c.blocked,
        (select n.contact_photo_url from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user)
      from unnest(v_page) as c
      order by c.sort_name, c.id;
end
$$;
