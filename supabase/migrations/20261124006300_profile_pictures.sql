-- Profile pictures: when each conversation's is looked up next. WhatsApp's addresses of pictures expire, and pictures change.

create table private.profile_pictures (
  conversation_id uuid primary key,
  user_id uuid not null,
  session_id uuid not null,
  due_at timestamptz not null default now(),
  failures smallint not null default 0 check (failures between 0 and 100),
  foreign key (conversation_id, user_id) references public.conversations_new (id, user_id) on delete cascade,
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);
comment on table private.profile_pictures is 'When the profile picture of a conversation is looked up next; one without a row has never been.';
comment on column private.profile_pictures.conversation_id is 'The conversation; its contact_photo_url is what was found.';
comment on column private.profile_pictures.user_id is 'Owner.';
comment on column private.profile_pictures.session_id is 'Session that looks it up.';
comment on column private.profile_pictures.due_at is 'Not before; now when WhatsApp said that the picture is another one.';
comment on column private.profile_pictures.failures is 'Look-ups without an answer since the last one with one.';
create index profile_pictures_conversation_idx on private.profile_pictures (conversation_id, user_id);
create index profile_pictures_session_idx on private.profile_pictures (session_id, user_id);
create index profile_pictures_user_id_idx on private.profile_pictures (user_id);
alter table private.profile_pictures enable row level security;
grant select, insert, update, delete on private.profile_pictures to session_host;
create policy "the session host can schedule profile pictures" on private.profile_pictures
  for all to session_host using (true) with check (true);

comment on column public.conversations_new.contact_photo_url is
  'Address of the profile picture at WhatsApp, when there is one that the account may see. It expires and is renewed: read it when you show it.';
