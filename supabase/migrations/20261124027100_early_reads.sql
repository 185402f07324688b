-- What the account has read on another device before the history brought it here: read when it comes.

alter table private.early_receipts add column own_read boolean not null default false;
comment on table private.early_receipts is 'Receipts of messages that are not stored yet, and what the account has read of them on another device; applied when the message is there, forgotten after a day.';
comment on column private.early_receipts.own_read is 'The message is somebody else''s, and the account has read it on another device.';
