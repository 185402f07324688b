-- Conversations: the guide's table, bound to a session and a person, with what a list needs on the row.

create table public.conversations_new (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  external_id text not null,
  contact_name text,
  contact_photo_url text,
  started_at timestamptz default now(),
  wa_user_id text,
  ai_active boolean default false,
  personality_id uuid,
  no_ac_ai boolean default false,
  unread_count integer default 0 check (unread_count >= 0),
  last_message_at timestamptz,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),

  session_id uuid not null,
  contact_id uuid,
  kind text not null default 'contact' check (kind in ('contact', 'group')),
  archived boolean not null default false,
  last_message_id uuid,
  last_message_ordinal bigint,
  last_message_text text,
  last_message_type text,
  last_message_from_me boolean,
  activity_at timestamptz generated always as (coalesce(last_message_at, created_at, to_timestamp(0))) stored,

  unique (id, user_id),
  unique (session_id, external_id),
  unique (session_id, contact_id),
  check ((kind = 'contact') = (contact_id is not null)),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade,
  foreign key (contact_id, user_id) references public.contacts (id, user_id) on delete cascade,
  foreign key (personality_id, user_id) references public.personalities (id, user_id) on delete set null (personality_id)
);

comment on table public.conversations_new is 'A WhatsApp chat with one person or group; one a person, whatever JIDs they have.';
comment on column public.conversations_new.id is 'Random id.';
comment on column public.conversations_new.user_id is 'Owner.';
comment on column public.conversations_new.external_id is 'JID: the phone number''s once known, else the LID, or the group''s. Earlier ones keep answering.';
comment on column public.conversations_new.contact_name is 'Saved name, verified business name, push name or number, the first that is known; a group''s subject.';
comment on column public.conversations_new.contact_photo_url is 'Profile picture, when known.';
comment on column public.conversations_new.started_at is 'Time of the first message known.';
comment on column public.conversations_new.wa_user_id is 'The linked account''s own number.';
comment on column public.conversations_new.ai_active is 'Whether an assistant answers here. Written by the owner.';
comment on column public.conversations_new.personality_id is 'How the assistant speaks here. Written by the owner.';
comment on column public.conversations_new.no_ac_ai is 'Whether the assistant must never be activated here. Written by the owner.';
comment on column public.conversations_new.unread_count is 'Incoming messages not read yet.';
comment on column public.conversations_new.last_message_at is 'WhatsApp''s time of the newest message.';
comment on column public.conversations_new.created_at is 'When the row was made.';
comment on column public.conversations_new.updated_at is 'When the row was last changed.';
comment on column public.conversations_new.session_id is 'Session that the chat belongs to.';
comment on column public.conversations_new.contact_id is 'The person; null for a group.';
comment on column public.conversations_new.kind is 'contact or group.';
comment on column public.conversations_new.archived is 'Whether the chat is archived.';
comment on column public.conversations_new.last_message_id is 'Newest message.';
comment on column public.conversations_new.last_message_ordinal is 'Ordinal of the newest message; breaks ties of last_message_at.';
comment on column public.conversations_new.last_message_text is 'First 200 characters of the newest message.';
comment on column public.conversations_new.last_message_type is 'Type of the newest message.';
comment on column public.conversations_new.last_message_from_me is 'Whether the account wrote the newest message.';
comment on column public.conversations_new.activity_at is 'What lists are ordered by: last message, else creation.';

create index conversations_new_list_idx
  on public.conversations_new (session_id, user_id, archived, activity_at desc, id desc);
create index conversations_new_user_id_idx on public.conversations_new (user_id, activity_at desc, id desc);
create index conversations_new_contact_id_idx on public.conversations_new (contact_id, user_id);
create index conversations_new_personality_id_idx on public.conversations_new (personality_id, user_id);

create trigger conversations_new_touch before update on public.conversations_new
  for each row execute function private.touch_updated_at();

-- Ids of conversations that were merged into another one keep answering.
create table private.conversation_merges (
  old_id uuid primary key,
  conversation_id uuid not null,
  user_id uuid not null,
  merged_at timestamptz not null default now(),
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade
);
comment on table private.conversation_merges is 'Where a merged conversation''s id leads now.';
comment on column private.conversation_merges.old_id is 'Id that no longer exists.';
comment on column private.conversation_merges.conversation_id is 'Conversation that holds its messages.';
comment on column private.conversation_merges.user_id is 'Owner.';
comment on column private.conversation_merges.merged_at is 'When they were merged.';
create index conversation_merges_conversation_idx on private.conversation_merges (conversation_id, user_id);

alter table public.conversations_new enable row level security;
alter table private.conversation_merges enable row level security;

grant select on public.conversations_new to authenticated, service_role;
grant update (ai_active, personality_id, no_ac_ai) on public.conversations_new to authenticated, service_role;
grant select, insert, update, delete on public.conversations_new to session_host;
grant select, insert, update, delete on private.conversation_merges to session_host;

create policy "users can view their own conversations" on public.conversations_new
  for select to authenticated using (user_id = (select auth.uid()));
create policy "users can set the assistant of their own conversations" on public.conversations_new
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "the session host can use conversations" on public.conversations_new
  for all to session_host using (true) with check (true);
create policy "the session host can use conversation merges" on private.conversation_merges
  for all to session_host using (true) with check (true);

/** The user's default session; null when there is none. */
create function private.default_session(p_user_id uuid) returns uuid
  language sql
  stable
  set search_path = ''
as $$
  select id from public.whatsapp_sessions where user_id = p_user_id and is_default
$$;
revoke all on function private.default_session(uuid) from public;

/**
 * The conversation that a user means by a uuid (also of a merged one) or a JID (any the person ever had), or null.
 * JIDs are looked up in the default session first. Case, device and the old @c.us form are forgiven.
 */
create function private.find_conversation(p_user_id uuid, p_reference text) returns uuid
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_id uuid;
  v_jid text;
begin
  if p_reference ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    select id into v_id from public.conversations_new where id = p_reference::uuid and user_id = p_user_id;
    if v_id is null then
      select conversation_id into v_id
        from private.conversation_merges where old_id = p_reference::uuid and user_id = p_user_id;
    end if;
    return v_id;
  end if;
  v_jid := regexp_replace(lower(p_reference), '(:[0-9]+)?@(c\.us|s\.whatsapp\.net)$', '@s.whatsapp.net');
  v_jid := regexp_replace(v_jid, ':[0-9]+@lid$', '@lid');
  select c.id into v_id
    from public.conversations_new c
    join public.whatsapp_sessions s on s.id = c.session_id
    where c.user_id = p_user_id
      and (c.external_id = v_jid
        or c.contact_id in (
          select i.contact_id from public.contact_identities i where i.user_id = p_user_id and i.jid = v_jid))
    order by s.is_default desc, (c.external_id = v_jid) desc, c.activity_at desc
    limit 1;
  return v_id;
end
$$;
revoke all on function private.find_conversation(uuid, text) from public;
create index contact_identities_jid_idx on public.contact_identities (user_id, jid);
create index conversations_new_external_id_idx on public.conversations_new (user_id, external_id);
