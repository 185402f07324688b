-- Chat state in step with the phone: pinned, muted, marked as unread, starred, hidden.

alter table public.conversations_new
  add column pinned_at timestamptz,
  add column muted_until timestamptz,
  add column marked_unread boolean not null default false,
  add column hidden_at timestamptz,
  add column state_at timestamptz,
  add column state_jid text check (char_length(state_jid) <= 128);
comment on column public.conversations_new.pinned_at is 'When the chat was pinned to the top; null: it is not.';
comment on column public.conversations_new.muted_until is 'Until when the chat makes no sound; 9999-12-31: for ever; null: it is not muted.';
comment on column public.conversations_new.marked_unread is 'Marked as unread by hand, whatever unread_count says; reading or answering it takes the mark away.';
comment on column public.conversations_new.hidden_at is 'When the chat was deleted on the phone. Lists leave it out until something new is in it; nothing of it is erased.';
comment on column public.conversations_new.state_at is 'When archived, pinned_at or muted_until last changed here or on the phone; history does not change them after that.';
comment on column public.conversations_new.state_jid is 'JID that the phone''s own settings name the chat by, once they did.';

alter table public.messages_new
  add column starred boolean not null default false,
  add column hidden_at timestamptz;
comment on column public.messages_new.starred is 'Whether the account has starred it.';
comment on column public.messages_new.hidden_at is 'When it was deleted for the account alone, or its chat cleared, on the phone. Pages and search leave it out; the row stays.';
