-- Personalities: how an assistant of the user speaks; conversations may point at one of their owner's.

create table public.personalities (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  name text not null check (char_length(name) between 1 and 120),
  instructions text not null default '' check (char_length(instructions) <= 20000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (id, user_id)
);

comment on table public.personalities is 'How an assistant of the user speaks. Written by its owner.';
comment on column public.personalities.id is 'Random id.';
comment on column public.personalities.user_id is 'Owner.';
comment on column public.personalities.name is 'Shown to the owner, 1 to 120 characters.';
comment on column public.personalities.instructions is 'What the assistant is told, up to 20,000 characters.';
comment on column public.personalities.created_at is 'When it was made.';
comment on column public.personalities.updated_at is 'When it was last changed.';

create index personalities_user_id_idx on public.personalities (user_id);

create trigger personalities_touch before update on public.personalities
  for each row execute function private.touch_updated_at();

alter table public.personalities enable row level security;

grant select, delete on public.personalities to authenticated;
grant insert (user_id, name, instructions), update (name, instructions) on public.personalities to authenticated;
grant select, insert, update, delete on public.personalities to service_role;
grant select on public.personalities to session_host;

create policy "users can view their own personalities" on public.personalities
  for select to authenticated using (user_id = (select auth.uid()));
create policy "users can create their own personalities" on public.personalities
  for insert to authenticated with check (user_id = (select auth.uid()));
create policy "users can edit their own personalities" on public.personalities
  for update to authenticated using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "users can delete their own personalities" on public.personalities
  for delete to authenticated using (user_id = (select auth.uid()));
create policy "the session host can view personalities" on public.personalities
  for select to session_host using (true);
