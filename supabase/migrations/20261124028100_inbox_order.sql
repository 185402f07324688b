-- Messages that were decrypted one after another may be written in one statement: their time is the same, their order is not.

alter table private.inbox add column position bigint generated always as identity;
comment on column private.inbox.position is 'Order in which they were decrypted, among those of one statement.';

drop index private.inbox_waiting_idx;
create index inbox_waiting_idx on private.inbox (session_id, received_at, position) where projected_at is null;
