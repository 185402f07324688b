-- One index for pages and for the reference to the conversation. With two, the plan that is kept for any cursor took the shorter one,
-- read the whole conversation and sorted it: 20 ms in one of 50,000 messages.

create index messages_new_conversation_page_idx
  on public.messages_new (conversation_id, user_id, created_at desc, ordinal desc);
drop index public.messages_new_page_idx;
drop index public.messages_new_conversation_user_idx;
