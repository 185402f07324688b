-- Contacts: one person a row, however many JIDs (phone number, LID) they are addressed by.

create table public.contacts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  session_id uuid not null,
  name text check (char_length(name) <= 256),
  push_name text check (char_length(push_name) <= 256),
  verified_name text check (char_length(verified_name) <= 256),
  phone text check (phone ~ '^[0-9]{5,20}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, user_id),
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);

comment on table public.contacts is 'A person as one session knows them.';
comment on column public.contacts.id is 'Random id.';
comment on column public.contacts.user_id is 'Owner.';
comment on column public.contacts.session_id is 'Session that knows the person.';
comment on column public.contacts.name is 'Name saved in the phone''s address book.';
comment on column public.contacts.push_name is 'Name that the person gave themself.';
comment on column public.contacts.verified_name is 'Name of a business that WhatsApp verified.';
comment on column public.contacts.phone is 'Number, digits only; null while only the LID is known.';
comment on column public.contacts.created_at is 'When the person was first seen.';
comment on column public.contacts.updated_at is 'When the row was last changed.';

create index contacts_user_id_idx on public.contacts (user_id);
create index contacts_session_id_idx on public.contacts (session_id, user_id);

create table public.contact_identities (
  session_id uuid not null,
  jid text not null check (jid ~ '^[0-9]+@(s\.whatsapp\.net|lid)$'),
  contact_id uuid not null,
  user_id uuid not null,
  kind text generated always as (case when jid like '%@lid' then 'lid' else 'pn' end) stored,
  created_at timestamptz not null default now(),
  primary key (session_id, jid),
  foreign key (contact_id, user_id) references public.contacts (id, user_id) on delete cascade,
  foreign key (session_id, user_id) references public.whatsapp_sessions (id, user_id) on delete cascade
);

comment on table public.contact_identities is 'The JIDs of a person. Each belongs to one person; a merge moves them.';
comment on column public.contact_identities.session_id is 'Session.';
comment on column public.contact_identities.jid is 'JID without device: <digits>@s.whatsapp.net or <digits>@lid.';
comment on column public.contact_identities.contact_id is 'The person.';
comment on column public.contact_identities.user_id is 'Owner.';
comment on column public.contact_identities.kind is 'pn for a phone number, lid for a LID.';
comment on column public.contact_identities.created_at is 'When the JID was first seen.';

create index contact_identities_contact_id_idx on public.contact_identities (contact_id, user_id);
create index contact_identities_session_user_idx on public.contact_identities (session_id, user_id);
create index contact_identities_user_id_idx on public.contact_identities (user_id);

create trigger contacts_touch before update on public.contacts
  for each row execute function private.touch_updated_at();

alter table public.contacts enable row level security;
alter table public.contact_identities enable row level security;

grant select on public.contacts, public.contact_identities to authenticated, service_role;
grant select, insert, update, delete on public.contacts, public.contact_identities to session_host;

create policy "users can view their own contacts" on public.contacts
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use contacts" on public.contacts
  for all to session_host using (true) with check (true);
create policy "users can view the identities of their contacts" on public.contact_identities
  for select to authenticated using (user_id = (select auth.uid()));
create policy "the session host can use contact identities" on public.contact_identities
  for all to session_host using (true) with check (true);
