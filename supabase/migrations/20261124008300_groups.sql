-- Groups to read: whether all members are known, and each group with its members in one call.

alter table public.groups add column listed_at timestamptz;
comment on column public.groups.listed_at is 'When WhatsApp last told all participants; null: some may be missing.';

/** What a user sees of a group: its facts, the account's own role, how many are in it, and, when asked for, who. */
create function private.group_json(p_conversation public.conversations_new, p_participants boolean) returns jsonb
  language sql
  stable
  set search_path = ''
as $$
  select jsonb_build_object(
      'conversation_id', p_conversation.id, 'session_id', p_conversation.session_id, 'jid', p_conversation.external_id,
      'subject', p_conversation.contact_name, 'photo_url', p_conversation.contact_photo_url,
      'activity_at', p_conversation.activity_at,
      'description', g.description, 'owner_jid', g.owner_jid, 'created_at', g.created_on_whatsapp_at,
      'only_admins_send', coalesce(g.only_admins_send, false), 'only_admins_edit', coalesce(g.only_admins_edit, false),
      'disappearing_seconds', g.disappearing_seconds, 'parent_jid', g.parent_jid, 'left_at', g.left_at,
      'complete', g.listed_at is not null,
      'size', (select count(*) from public.group_participants p where p.conversation_id = p_conversation.id),
      'my_role', (
        select p.role from public.group_participants p
          where p.conversation_id = p_conversation.id and p.jid = any(array[s.phone || '@s.whatsapp.net', s.lid || '@lid'])
          limit 1))
    || case when p_participants then jsonb_build_object('participants', (
        select coalesce(jsonb_agg(jsonb_build_object(
            'jid', p.jid, 'role', p.role, 'contact_id', c.id, 'phone', coalesce(c.phone, case when p.jid like '%@s.whatsapp.net' then split_part(p.jid, '@', 1) end),
            'name', coalesce(nullif(c.name, ''), nullif(c.verified_name, ''), nullif(c.push_name, '')),
            'is_me', coalesce(p.jid = any(array[s.phone || '@s.whatsapp.net', s.lid || '@lid']), false))
            order by case p.role when 'superadmin' then 0 when 'admin' then 1 else 2 end, p.added_at, p.jid), '[]')
          from public.group_participants p
          left join public.contact_identities i on i.session_id = p_conversation.session_id and i.jid = p.jid
          left join public.contacts c on c.id = i.contact_id
          where p.conversation_id = p_conversation.id))
      else '{}' end
    from public.whatsapp_sessions s
    left join public.groups g on g.conversation_id = p_conversation.id
    where s.id = p_conversation.session_id
$$;
comment on function private.group_json(public.conversations_new, boolean) is 'What a user sees of a group, with or without its participants.';

/** A page of the calling user's groups, newest activity first, those of the default session unless another is named. */
create function private.list_groups(p_limit integer, p_before_activity timestamptz, p_before_id uuid, p_session_id uuid)
  returns setof jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_session uuid;
begin
  select s.id into v_session from public.whatsapp_sessions s
    where s.user_id = v_user and case when p_session_id is null then s.is_default else s.id = p_session_id end;
  return query
    select private.group_json(c, false) from public.conversations_new c
      where c.session_id = v_session and c.user_id = v_user and c.kind = 'group'
        and (c.activity_at, c.id) < (coalesce(p_before_activity, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
      order by c.activity_at desc, c.id desc
      limit least(greatest(coalesce(p_limit, 50), 1), 201);
end
$$;
comment on function private.list_groups(integer, timestamptz, uuid, uuid) is 'Definer half of public.list_groups.';

create function public.list_groups(
  p_limit integer default 50, p_before_activity timestamptz default null, p_before_id uuid default null, p_session_id uuid default null
) returns setof jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.list_groups(p_limit, p_before_activity, p_before_id, p_session_id)
$$;
comment on function public.list_groups(integer, timestamptz, uuid, uuid) is
  'A page of your groups, newest activity first, at most 201, without their participants. Pass the last row''s activity_at and conversation_id to go on.';

/** One group of the calling user with its participants, by uuid or JID, or conversation_not_found. */
create function private.get_group(p_group text) returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation public.conversations_new;
begin
  select * into v_conversation from public.conversations_new
    where id = private.find_conversation(v_user, p_group) and user_id = v_user and kind = 'group';
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  return private.group_json(v_conversation, true);
end
$$;
comment on function private.get_group(text) is 'Definer half of public.get_group.';

create function public.get_group(p_group text) returns jsonb
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select private.get_group(p_group)
$$;
comment on function public.get_group(text) is
  'One of your groups (uuid of its conversation, or JID) with its participants: admins first. Answers as list_groups, and participants [{jid, role, name, phone, contact_id, is_me}].';

create index conversations_new_group_list_idx on public.conversations_new (session_id, activity_at desc, id desc) where kind = 'group';

revoke all on function
  private.group_json(public.conversations_new, boolean), private.list_groups(integer, timestamptz, uuid, uuid),
  public.list_groups(integer, timestamptz, uuid, uuid), private.get_group(text), public.get_group(text)
  from public, anon, authenticated, service_role, session_host;
grant execute on function
  private.list_groups(integer, timestamptz, uuid, uuid), public.list_groups(integer, timestamptz, uuid, uuid),
  private.get_group(text), public.get_group(text)
  to authenticated;
