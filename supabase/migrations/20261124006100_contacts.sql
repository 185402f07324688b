-- Contacts that are blocked, and ids of contacts that were merged.

alter table public.contacts add column blocked boolean not null default false;
comment on column public.contacts.blocked is 'Whether the account has blocked the person, as WhatsApp says.';

-- Ids of contacts that were merged into another one keep answering.
create table private.contact_merges (
  old_id uuid primary key,
  contact_id uuid not null,
  user_id uuid not null,
  merged_at timestamptz not null default now(),
  foreign key (contact_id, user_id) references public.contacts (id, user_id) on delete cascade
);
comment on table private.contact_merges is 'Where a merged contact''s id leads now.';
comment on column private.contact_merges.old_id is 'Id that no longer exists.';
comment on column private.contact_merges.contact_id is 'Contact that holds its names and JIDs.';
comment on column private.contact_merges.user_id is 'Owner.';
comment on column private.contact_merges.merged_at is 'When they were merged.';
create index contact_merges_contact_idx on private.contact_merges (contact_id, user_id);
create index contact_merges_user_id_idx on private.contact_merges (user_id);
alter table private.contact_merges enable row level security;
grant select, insert, update, delete on private.contact_merges to session_host;
create policy "the session host can use contact merges" on private.contact_merges
  for all to session_host using (true) with check (true);

-- What kinds there are is said by shared/commands.ts.
alter table private.session_commands drop constraint session_commands_kind_check,
  add constraint session_commands_kind_check check (kind ~ '^[a-z][a-z_]{0,39}$');

drop function public.list_contacts(integer, text, uuid, text, uuid);
drop function private.list_contacts(integer, text, uuid, text, uuid);
drop function public.get_contact(text);
drop function private.get_contact(text);

/** As before, and whether each is blocked and its profile picture. */
create function private.list_contacts(
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
comment on function private.list_contacts(integer, text, uuid, text, uuid) is 'Definer half of public.list_contacts.';

create function public.list_contacts(
  p_limit integer default 50, p_after_name text default null, p_after_id uuid default null, p_query text default null,
  p_session_id uuid default null
) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text, blocked boolean, photo_url text
)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.list_contacts(p_limit, p_after_name, p_after_id, p_query, p_session_id)
$$;
comment on function public.list_contacts(integer, text, uuid, text, uuid) is
  'A page of your contacts by name, at most 201, each with its JIDs and conversation; those whose names or number hold p_query. Pass the last row''s sort_name and id to go on.';

/** One contact of the calling user by its uuid (also of a merged one) or any of its JIDs, or not_found. */
create function private.get_contact(p_contact text) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text, blocked boolean, photo_url text
)
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_jid text := regexp_replace(regexp_replace(lower(p_contact),
    '(:[0-9]+)?@(c\.us|s\.whatsapp\.net)$', '@s.whatsapp.net'), ':[0-9]+@lid$', '@lid');
  v_id uuid;
begin
  if p_contact ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select coalesce(
        (select c.id from public.contacts c where c.id = p_contact::uuid and c.user_id = v_user),
        (select m.contact_id from private.contact_merges m where m.old_id = p_contact::uuid and m.user_id = v_user)) into v_id;
  else
    select i.contact_id into v_id
      from public.contact_identities i join public.whatsapp_sessions s on s.id = i.session_id
      where i.user_id = v_user and i.jid = v_jid order by s.is_default desc, i.created_at desc limit 1;
  end if;
  if v_id is null then
    perform private.fail(404, 'not_found', 'Not found.');
  end if;
  return query
    select c.id, c.session_id, c.name, c.push_name, c.verified_name, c.phone,
        array(select i.jid from public.contact_identities i
          where i.contact_id = c.id and i.user_id = v_user order by i.kind desc, i.created_at desc, i.jid),
        (select n.id from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user),
        c.created_at, c.updated_at, c.sort_name, c.blocked,
        (select n.contact_photo_url from public.conversations_new n where n.contact_id = c.id and n.user_id = v_user)
      from public.contacts c where c.id = v_id and c.user_id = v_user;
end
$$;
comment on function private.get_contact(text) is 'Definer half of public.get_contact.';

create function public.get_contact(p_contact text) returns table (
  id uuid, session_id uuid, name text, push_name text, verified_name text, phone text, jids text[], conversation_id uuid,
  created_at timestamptz, updated_at timestamptz, sort_name text, blocked boolean, photo_url text
)
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select * from private.get_contact(p_contact)
$$;
comment on function public.get_contact(text) is 'One contact of yours by uuid or any of its JIDs, or not_found.';

/**
 * Asks the host to block a contact of the calling user (uuid or JID) on WhatsApp, or to unblock it. Answers {contact_id, command_id}, the
 * latter null when it is so already; the row says blocked once WhatsApp has taken it.
 */
create function private.block_contact(p_contact text, p_blocked boolean, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_id uuid := (select g.id from private.get_contact(p_contact) g);
  v_fingerprint text := private.fingerprint(jsonb_build_array('block_contact', v_id, p_blocked));
  v_result jsonb;
  v_contact public.contacts;
  v_command bigint;
begin
  if p_blocked is null then
    perform private.fail(400, 'invalid_request', 'blocked is true or false.');
  end if;
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  select * into v_contact from public.contacts where id = v_id for no key update;
  if not exists (select from public.whatsapp_sessions s where s.id = v_contact.session_id and s.linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  if v_contact.blocked is distinct from p_blocked or exists (
      select from private.session_commands
        where session_id = v_contact.session_id and lane = 'block:' || v_id and status in ('queued', 'claimed')) then
    insert into private.session_commands (session_id, user_id, kind, lane, payload)
      values (v_contact.session_id, v_user, 'block_contact', 'block:' || v_id,
        jsonb_build_object('contact_id', v_id, 'blocked', p_blocked))
      returning id into v_command;
    perform private.wake_hosts(v_contact.session_id);
  end if;
  v_result := jsonb_build_object('contact_id', v_id, 'command_id', v_command);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;
comment on function private.block_contact(text, boolean, text) is 'Definer half of public.block_contact.';

create function public.block_contact(p_contact text, p_blocked boolean, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.block_contact(p_contact, p_blocked, p_idempotency_key)
$$;
comment on function public.block_contact(text, boolean, text) is
  'Blocks a contact of yours (uuid or JID) on WhatsApp, or unblocks it. Answers {contact_id, command_id} to ask command_result with; command_id is null when it is so already. The same idempotency key answers the first result again, with replayed: true.';

revoke all on function
  private.list_contacts(integer, text, uuid, text, uuid), public.list_contacts(integer, text, uuid, text, uuid),
  private.get_contact(text), public.get_contact(text),
  private.block_contact(text, boolean, text), public.block_contact(text, boolean, text)
  from public, anon, authenticated, service_role;
grant execute on function
  private.list_contacts(integer, text, uuid, text, uuid), public.list_contacts(integer, text, uuid, text, uuid),
  private.get_contact(text), public.get_contact(text),
  private.block_contact(text, boolean, text), public.block_contact(text, boolean, text)
  to authenticated;
