-- Participants point at a group of their own owner: a reference between tables of tenants carries the tenant.

alter table public.groups add constraint groups_conversation_user_key unique (conversation_id, user_id);
drop index public.groups_conversation_idx;

alter table public.group_participants
  drop constraint group_participants_conversation_id_fkey,
  add foreign key (conversation_id, user_id) references public.groups (conversation_id, user_id) on delete cascade;
