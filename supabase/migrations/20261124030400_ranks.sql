-- As before, planned once a connection: in SQL it was planned with every statement, and took a quarter of an acknowledgement's time.

create or replace function private.status_rank(p_status text) returns integer
  language plpgsql
  immutable
  set search_path = ''
as $$
begin
  return case p_status
    when 'pending' then 0 when 'failed' then 1 when 'received' then 1 when 'sent' then 2
    when 'delivered' then 3 when 'read' then 4 when 'played' then 5 end;
end
$$;

comment on table private.session_commands is
  'Outbox of each session. A lane''s commands are claimed in order and never behind an open one, so a conversation''s messages leave in order.';
