-- The rest of the model: what a medium is, who has received and read a message in a group, groups with their members, and the
-- shape of interactions.

alter table public.messages_new
  add column media_mime_type text check (media_mime_type ~ '^[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*$' and char_length(media_mime_type) <= 127),
  add column media_size_bytes bigint check (media_size_bytes between 0 and 2147483648),
  add column media_sha256 text check (media_sha256 ~ '^[0-9a-f]{64}$'),
  add column media_duration_seconds real check (media_duration_seconds between 0 and 864000),
  add column media_width integer check (media_width between 1 and 65535),
  add column media_height integer check (media_height between 1 and 65535),
  add column media_file_name text check (char_length(media_file_name) between 1 and 255),
  add column media_waveform smallint[] check (
    cardinality(media_waveform) <= 256 and 0 <= all (media_waveform) and 100 >= all (media_waveform)),
  add column media_status text check (media_status in ('pending', 'stored', 'failed', 'expired', 'erased')),
  add constraint messages_new_media_stored_check check (media_status is distinct from 'stored' or media_url is not null),
  add constraint messages_new_media_size_check check ((media_width is null) = (media_height is null));

comment on column public.messages_new.media_mime_type is 'MIME type of the medium, lower case, without parameters.';
comment on column public.messages_new.media_size_bytes is 'Size of the medium in bytes, up to WhatsApp''s 2 GiB.';
comment on column public.messages_new.media_sha256 is 'SHA-256 of the medium, hexadecimal.';
comment on column public.messages_new.media_duration_seconds is 'Length of a sound or film in seconds.';
comment on column public.messages_new.media_width is 'Width in pixels.';
comment on column public.messages_new.media_height is 'Height in pixels.';
comment on column public.messages_new.media_file_name is 'Name that the sender gave the file. Never a path: shown, not opened.';
comment on column public.messages_new.media_waveform is 'Loudness of a voice note over time, each 0 to 100; WhatsApp sends 64 of them.';
comment on column public.messages_new.media_status is 'pending: not fetched yet; stored: at media_url; failed; expired: WhatsApp no longer has it; erased. Null without a medium.';
comment on column public.messages_new.interactions is
  'Reactions, poll votes and button replies, one of a kind and sender, written by private.set_interaction: {type: reaction, from, at, emoji}, {type: poll_vote, from, at, options: [text]}, {type: button_reply, from, at, id, text}. from is a JID, or me; at is epoch milliseconds. A null emoji or no options: taken back.';

create index messages_new_media_pending_idx on public.messages_new (session_id, ordinal) where media_status = 'pending';

/** Whether an element of interactions has the shape that its kind prescribes. */
create function private.is_interaction(p_interaction jsonb) returns boolean
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
begin
  return jsonb_typeof(p_interaction) = 'object'
    and coalesce(p_interaction ->> 'from' ~ '^(me|[0-9]+@(s\.whatsapp\.net|lid))$', false)
    and coalesce(jsonb_typeof(p_interaction -> 'at') = 'number', false)
    and case p_interaction ->> 'type'
      when 'reaction' then coalesce(jsonb_typeof(p_interaction -> 'emoji') = 'null'
        or jsonb_typeof(p_interaction -> 'emoji') = 'string'
          and char_length(p_interaction ->> 'emoji') between 1 and 32, false)
      when 'poll_vote' then coalesce(jsonb_typeof(p_interaction -> 'options') = 'array'
        and jsonb_array_length(p_interaction -> 'options') <= 12
        and not exists (
          select from jsonb_array_elements(p_interaction -> 'options') as o(option)
            where jsonb_typeof(o.option) <> 'string' or char_length(o.option #>> '{}') > 256), false)
      when 'button_reply' then coalesce(jsonb_typeof(p_interaction -> 'id') = 'string'
        and char_length(p_interaction ->> 'id') <= 256
        and jsonb_typeof(p_interaction -> 'text') = 'string' and char_length(p_interaction ->> 'text') <= 1024, false)
      else false end;
end
$$;
comment on function private.is_interaction(jsonb) is 'Whether an element of messages_new.interactions has the shape of its kind.';

/** Whether all elements are interactions and no sender has two of a kind. */
create function private.are_interactions(p_interactions jsonb) returns boolean
  language plpgsql
  immutable
  parallel safe
  set search_path = ''
as $$
begin
  return jsonb_array_length(p_interactions) <= 4096
    and (select coalesce(bool_and(private.is_interaction(e.element)), true)
        and count(*) = count(distinct (e.element ->> 'type', e.element ->> 'from'))
      from jsonb_array_elements(p_interactions) as e(element));
end
$$;
comment on function private.are_interactions(jsonb) is 'Whether a value may stand in messages_new.interactions.';

-- What is there already is the host's own and empty; the check is for what comes.
alter table public.messages_new add constraint messages_new_interactions_check1
  check (interactions = '[]' or private.are_interactions(interactions));

/**
 * Sets one sender's reaction, vote or reply on a message, in place of their earlier one of that kind; one that is older than what is
 * stored changes nothing, so any order and any number of deliveries end alike. What was taken back stays as such for the same reason.
 * Answers whether the row changed; the caller appends message.updated then, and holds the lease.
 */
create function private.set_interaction(p_session_id uuid, p_message_id uuid, p_interaction jsonb) returns boolean
  language plpgsql
  set search_path = ''
as $$
declare
  v_interactions jsonb;
  v_earlier jsonb;
begin
  if not private.is_interaction(p_interaction) then
    perform private.fail(400, 'invalid_request', 'That is no interaction.');
  end if;
  select coalesce(interactions, '[]') into v_interactions
    from public.messages_new where id = p_message_id and session_id = p_session_id and revoked_at is null for no key update;
  if not found then
    return false;
  end if;
  select e.element into v_earlier from jsonb_array_elements(v_interactions) as e(element)
    where e.element ->> 'type' = p_interaction ->> 'type' and e.element ->> 'from' = p_interaction ->> 'from';
  -- Of two at the same millisecond the greater text wins, whichever comes first.
  if v_earlier is not null and ((v_earlier ->> 'at')::numeric, v_earlier::text collate "C")
      >= ((p_interaction ->> 'at')::numeric, p_interaction::text collate "C") then
    return false;
  end if;
  update public.messages_new set interactions = (
      select coalesce(jsonb_agg(e.element order by (e.element ->> 'at')::numeric, e.element::text collate "C"), '[]')
        from jsonb_array_elements(v_interactions || jsonb_build_array(p_interaction)) as e(element)
        where v_earlier is null or e.element <> v_earlier)
    where id = p_message_id;
  return true;
end
$$;
comment on function private.set_interaction(uuid, uuid, jsonb) is 'Sets one sender''s reaction, poll vote or button reply on a message, in any order of delivery.';

-- Receipts: who in a group has received, read or played an outgoing message.
create table public.message_receipts (
  message_id uuid not null,
  participant_jid text not null check (participant_jid ~ '^[0-9]+@(s\.whatsapp\.net|lid)$'),
  user_id uuid not null,
  status text not null check (status in ('sent', 'delivered', 'read', 'played')),
  at timestamptz not null default now(),
  primary key (message_id, participant_jid),
  foreign key (message_id, user_id) references public.messages_new (id, user_id) on delete cascade
);
comment on table public.message_receipts is 'How far an outgoing message of a group has come with each member. Only ever rises.';
comment on column public.message_receipts.message_id is 'Message.';
comment on column public.message_receipts.participant_jid is 'Member, as WhatsApp named them.';
comment on column public.message_receipts.user_id is 'Owner.';
comment on column public.message_receipts.status is 'sent, delivered, read or played; a lower one never takes the place of a higher.';
comment on column public.message_receipts.at is 'WhatsApp''s time of the receipt.';
create index message_receipts_message_idx on public.message_receipts (message_id, user_id);
create index message_receipts_user_id_idx on public.message_receipts (user_id);
alter table public.message_receipts enable row level security;
grant select on public.message_receipts to authenticated, service_role;
grant select, insert, update, delete on public.message_receipts to session_host;
create policy "users can view the receipts of their messages" on public.message_receipts
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use receipts" on public.message_receipts
  for all to session_host using (true) with check (true);

/** Raises receipts of one session's messages; lower or equal ones change nothing. Answers how many rows rose. The caller holds the lease. */
create function private.raise_receipts(
  p_session_id uuid, p_message_ids uuid[], p_participants text[], p_statuses text[], p_times timestamptz[]
) returns integer
  language plpgsql
  set search_path = ''
as $$
declare
  v_count integer;
begin
  insert into public.message_receipts as r (message_id, participant_jid, user_id, status, at)
    select distinct on (g.message_id, g.participant) g.message_id, g.participant, m.user_id, g.status, g.at
      from unnest(p_message_ids, p_participants, p_statuses, p_times) as g(message_id, participant, status, at)
      join public.messages_new m on m.id = g.message_id and m.session_id = p_session_id and m.from_me
      order by g.message_id, g.participant, private.status_rank(g.status) desc, g.at
    on conflict (message_id, participant_jid) do update set status = excluded.status, at = excluded.at
      where private.status_rank(excluded.status) > private.status_rank(r.status);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function private.raise_receipts(uuid, uuid[], text[], text[], timestamptz[]) is 'Raises members'' receipts of outgoing group messages.';

-- Groups: what WhatsApp says of a group, beside its conversation, and who is in it.
create table public.groups (
  conversation_id uuid primary key,
  user_id uuid not null,
  owner_jid text check (owner_jid ~ '^[0-9]+@(s\.whatsapp\.net|lid)$'),
  description text check (char_length(description) <= 4096),
  created_on_whatsapp_at timestamptz,
  only_admins_send boolean not null default false,
  only_admins_edit boolean not null default false,
  disappearing_seconds integer check (disappearing_seconds between 1 and 31536000),
  parent_jid text check (parent_jid ~ '^[0-9-]+@g\.us$'),
  left_at timestamptz,
  updated_at timestamptz not null default now(),
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade
);
comment on table public.groups is 'What WhatsApp says of a group. Its subject is the conversation''s contact_name.';
comment on column public.groups.conversation_id is 'The group''s conversation.';
comment on column public.groups.user_id is 'Owner of the row; not of the group.';
comment on column public.groups.owner_jid is 'Who made the group.';
comment on column public.groups.description is 'Description, up to 4,096 characters.';
comment on column public.groups.created_on_whatsapp_at is 'When the group was made.';
comment on column public.groups.only_admins_send is 'Whether only admins may write.';
comment on column public.groups.only_admins_edit is 'Whether only admins may change the group.';
comment on column public.groups.disappearing_seconds is 'After how many seconds messages disappear; null: they stay.';
comment on column public.groups.parent_jid is 'Community that the group belongs to.';
comment on column public.groups.left_at is 'When the account left or was removed; null while it is in the group.';
comment on column public.groups.updated_at is 'When the row was last changed.';
create index groups_conversation_idx on public.groups (conversation_id, user_id);
create index groups_user_id_idx on public.groups (user_id);
create trigger groups_touch before update on public.groups for each row execute function private.touch_updated_at();
alter table public.groups enable row level security;
grant select on public.groups to authenticated, service_role;
grant select, insert, update, delete on public.groups to session_host;
create policy "users can view their own groups" on public.groups
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use groups" on public.groups
  for all to session_host using (true) with check (true);

create table public.group_participants (
  conversation_id uuid not null references public.groups (conversation_id) on delete cascade,
  jid text not null check (jid ~ '^[0-9]+@(s\.whatsapp\.net|lid)$'),
  user_id uuid not null,
  role text not null default 'member' check (role in ('member', 'admin', 'superadmin')),
  added_at timestamptz not null default now(),
  primary key (conversation_id, jid),
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade
);
comment on table public.group_participants is 'Who is in a group now. The person behind a JID is found through contact_identities.';
comment on column public.group_participants.conversation_id is 'The group''s conversation.';
comment on column public.group_participants.jid is 'Member, number or LID as the group addresses them.';
comment on column public.group_participants.user_id is 'Owner of the row.';
comment on column public.group_participants.role is 'member, admin or superadmin (who made the group).';
comment on column public.group_participants.added_at is 'Since when the member is known to be in.';
create index group_participants_conversation_idx on public.group_participants (conversation_id, user_id);
create index group_participants_user_jid_idx on public.group_participants (user_id, jid);
alter table public.group_participants enable row level security;
grant select on public.group_participants to authenticated, service_role;
grant select, insert, update, delete on public.group_participants to session_host;
create policy "users can view the participants of their groups" on public.group_participants
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use group participants" on public.group_participants
  for all to session_host using (true) with check (true);

/**
 * Stores what WhatsApp says of a group: facts {owner_jid, description, created_on_whatsapp_at, only_admins_send, only_admins_edit,
 * disappearing_seconds, parent_jid, left_at}, of which those that are missing stay as they are, and, unless null, the complete list of
 * its participants [{jid, role}]. Answers whether anything changed; the caller appends conversation.updated then, and holds the lease.
 */
create function private.store_group(p_session_id uuid, p_conversation_id uuid, p_facts jsonb, p_participants jsonb) returns boolean
  language plpgsql
  set search_path = ''
as $$
declare
  v_user uuid;
  v_before public.groups;
  v_after public.groups;
  v_changed integer := 0;
  v_count integer;
begin
  select user_id into v_user from public.conversations_new
    where id = p_conversation_id and session_id = p_session_id and conversations_new.kind = 'group' for no key update;
  if v_user is null then
    return false;
  end if;
  select * into v_before from public.groups where conversation_id = p_conversation_id;
  if v_before.conversation_id is null then
    v_before := jsonb_populate_record(null::public.groups, jsonb_build_object(
      'conversation_id', p_conversation_id, 'user_id', v_user, 'only_admins_send', false, 'only_admins_edit', false,
      'updated_at', now()));
    v_after := jsonb_populate_record(v_before, p_facts - array['conversation_id', 'user_id', 'updated_at']);
    insert into public.groups select v_after.*;
    v_changed := 1;
  else
    v_after := jsonb_populate_record(v_before, p_facts - array['conversation_id', 'user_id', 'updated_at']);
    if v_after is distinct from v_before then
      update public.groups set
          owner_jid = v_after.owner_jid, description = v_after.description,
          created_on_whatsapp_at = v_after.created_on_whatsapp_at, only_admins_send = v_after.only_admins_send,
          only_admins_edit = v_after.only_admins_edit, disappearing_seconds = v_after.disappearing_seconds,
          parent_jid = v_after.parent_jid, left_at = v_after.left_at
        where conversation_id = p_conversation_id;
      v_changed := 1;
    end if;
  end if;
  if p_participants is not null then
    delete from public.group_participants g where g.conversation_id = p_conversation_id
      and not exists (select from jsonb_array_elements(p_participants) as p(item) where p.item ->> 'jid' = g.jid);
    get diagnostics v_count = row_count;
    v_changed := v_changed + v_count;
    insert into public.group_participants as g (conversation_id, jid, user_id, role)
      select distinct on (p.item ->> 'jid')
          p_conversation_id, p.item ->> 'jid', v_user, coalesce(p.item ->> 'role', 'member')
        from jsonb_array_elements(p_participants) as p(item)
      on conflict (conversation_id, jid) do update set role = excluded.role where g.role <> excluded.role;
    get diagnostics v_count = row_count;
    v_changed := v_changed + v_count;
  end if;
  return v_changed > 0;
end
$$;
comment on function private.store_group(uuid, uuid, jsonb, jsonb) is 'Stores what WhatsApp says of a group and who is in it.';

-- Messages of a user are read in the order of arrival when they are exported; the bare index is its prefix.
create index messages_new_user_ordinal_idx on public.messages_new (user_id, ordinal);
drop index public.messages_new_user_id_idx;

revoke all on function
  private.is_interaction(jsonb), private.are_interactions(jsonb), private.set_interaction(uuid, uuid, jsonb),
  private.raise_receipts(uuid, uuid[], text[], text[], timestamptz[]), private.store_group(uuid, uuid, jsonb, jsonb)
  from public, anon, authenticated, service_role;
-- A check runs as whoever writes the row.
grant execute on function
  private.is_interaction(jsonb), private.are_interactions(jsonb), private.set_interaction(uuid, uuid, jsonb),
  private.raise_receipts(uuid, uuid[], text[], text[], timestamptz[]), private.store_group(uuid, uuid, jsonb, jsonb)
  to session_host;
