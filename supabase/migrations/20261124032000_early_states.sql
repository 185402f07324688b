-- Settings of chats that come before their chat does: the account's app state is there at once, its history a while later.

create table private.early_states (
  id bigint generated always as identity,
  session_id uuid not null references public.whatsapp_sessions (id) on delete cascade,
  chat_jid text not null check (char_length(chat_jid) between 1 and 128),
  kind text not null check (kind in ('archive', 'pin', 'mute', 'read', 'clear', 'delete')),
  state jsonb not null,
  received_at timestamptz not null default now(),
  primary key (session_id, chat_jid, kind)
);
comment on table private.early_states is 'What the account has set of chats that have no conversation yet; applied when they get one. At most 10,000 a session, the newest.';
comment on column private.early_states.id is 'Order of arrival.';
comment on column private.early_states.session_id is 'Session.';
comment on column private.early_states.chat_jid is 'Chat, as WhatsApp named it.';
comment on column private.early_states.kind is 'What was set; the newest of each kind counts.';
comment on column private.early_states.state is 'To what, as the host reads it.';
comment on column private.early_states.received_at is 'When it came.';
create index early_states_session_idx on private.early_states (session_id, id);
alter table private.early_states enable row level security;
grant select, insert, update, delete on private.early_states to session_host;
create policy "the session host can use early states" on private.early_states
  for all to session_host using (true) with check (true);
