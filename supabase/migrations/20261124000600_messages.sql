-- Messages: the guide's table, with WhatsApp's id, direction, order and delivery status.

create sequence private.message_ordinals;
grant usage on sequence private.message_ordinals to session_host;

create table public.messages_new (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null,
  user_id uuid not null references auth.users (id) on delete cascade,
  sender_type text not null check (sender_type in ('user', 'ai', 'system')),
  message_type text not null check (message_type in (
    'text', 'image', 'audio', 'video', 'document', 'sticker', 'location', 'contact', 'poll', 'reaction', 'notice', 'unsupported')),
  text_content text check (char_length(text_content) <= 65536),
  media_url text,
  interactions jsonb default '[]' check (jsonb_typeof(interactions) = 'array'),
  created_at timestamptz default now(),

  session_id uuid not null,
  ordinal bigint not null default nextval('private.message_ordinals'),
  wa_id text not null check (char_length(wa_id) between 1 and 128),
  from_me boolean not null,
  sender_jid text check (char_length(sender_jid) <= 128),
  status text not null check (status in ('received', 'pending', 'sent', 'delivered', 'read', 'played', 'failed')),
  error_code text check (error_code ~ '^[a-z0-9_]{1,64}$'),
  reply_to_wa_id text check (char_length(reply_to_wa_id) <= 128),
  unsupported_type text check (char_length(unsupported_type) <= 64),
  edited_at timestamptz,
  revoked_at timestamptz,

  unique (id, user_id),
  unique (conversation_id, from_me, wa_id),
  check (from_me or status in ('received', 'read', 'played')),
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade,
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);

comment on table public.messages_new is 'A message of a conversation, either direction. Read with (created_at, ordinal) as the order.';
comment on column public.messages_new.id is 'Random id.';
comment on column public.messages_new.conversation_id is 'Conversation.';
comment on column public.messages_new.user_id is 'Owner.';
comment on column public.messages_new.sender_type is 'Kind of author: user a person (either side, see from_me), ai a generated reply, system a notice.';
comment on column public.messages_new.message_type is 'Kind of content.';
comment on column public.messages_new.text_content is 'Text or caption, up to 65,536 characters.';
comment on column public.messages_new.media_url is 'Storage path of the medium.';
comment on column public.messages_new.interactions is 'Reactions, poll votes and button replies.';
comment on column public.messages_new.created_at is 'WhatsApp''s time, whole seconds.';
comment on column public.messages_new.session_id is 'Session.';
comment on column public.messages_new.ordinal is 'Order of arrival; breaks ties of created_at.';
comment on column public.messages_new.wa_id is 'WhatsApp''s message id, chosen when the message is submitted.';
comment on column public.messages_new.from_me is 'True when the linked account wrote it, here or on another device.';
comment on column public.messages_new.sender_jid is 'Who wrote it in a group.';
comment on column public.messages_new.status is 'Outgoing: pending, sent (WhatsApp''s server acknowledged), delivered, read, played, failed. Incoming: received, read, played.';
comment on column public.messages_new.error_code is 'Why it failed, a code of the error table.';
comment on column public.messages_new.reply_to_wa_id is 'WhatsApp''s id of the message it answers.';
comment on column public.messages_new.unsupported_type is 'WhatsApp''s name of a kind that is not shown yet.';
comment on column public.messages_new.edited_at is 'When its text was last edited.';
comment on column public.messages_new.revoked_at is 'When it was deleted for everyone; its text is gone.';

create index messages_new_page_idx on public.messages_new (conversation_id, created_at desc, ordinal desc);
create index messages_new_user_id_idx on public.messages_new (user_id);
create index messages_new_wa_id_idx on public.messages_new (session_id, wa_id);
create index messages_new_conversation_user_idx on public.messages_new (conversation_id, user_id);
create index messages_new_session_user_idx on public.messages_new (session_id, user_id);
create index messages_new_unread_idx on public.messages_new (conversation_id, ordinal) where status = 'received';

alter table public.messages_new enable row level security;

grant select on public.messages_new to authenticated, service_role;
grant select, insert, update, delete on public.messages_new to session_host;

create policy "users can view their own messages" on public.messages_new
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use messages" on public.messages_new
  for all to session_host using (true) with check (true);

/** Rank of a status: a message only ever moves to a higher one. failed is final unless WhatsApp proves otherwise. */
create function private.status_rank(p_status text) returns integer
  language sql
  immutable
  set search_path = ''
as $$
  select case p_status
    when 'pending' then 0 when 'failed' then 1 when 'received' then 1 when 'sent' then 2
    when 'delivered' then 3 when 'read' then 4 when 'played' then 5 end
$$;
revoke all on function private.status_rank(text) from public;
grant execute on function private.status_rank(text) to session_host;
