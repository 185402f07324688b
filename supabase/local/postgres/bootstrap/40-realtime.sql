-- Supabase Realtime's schema, as far as a project may rely on it
-- (https://github.com/supabase/realtime/tree/main/priv/repo/tenant_schema): the table of broadcasts, whose policies say who may
-- receive and send, and the functions that fill it. Here the table has no partitions, and a trigger tells the embedded gateway
-- what the platform reads from the write-ahead log. Runs in each database as the superuser; safe to repeat.
do $$
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'supabase_realtime_admin') then
    create role supabase_realtime_admin nologin noinherit;
  end if;
end
$$;
grant supabase_realtime_admin to postgres;

create schema if not exists realtime;
grant usage on schema realtime to postgres, anon, authenticated, service_role;
grant usage, create on schema realtime to supabase_realtime_admin;

create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at),
  constraint messages_payload_exclusive check (payload is null or binary_payload is null)
);
create index if not exists messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
  where extension = 'broadcast' and private is true;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages enable row level security;
grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;

create or replace function realtime.topic() returns text language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '')::text
$$;

create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
  language plpgsql
as $$
declare
  message_id uuid := gen_random_uuid();
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
    values (
      message_id,
      case when payload ? 'id' then payload else jsonb_set(payload, '{id}', to_jsonb(message_id)) end,
      event, topic, private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create or replace function realtime.send_binary(payload bytea, event text, topic text, private boolean default true) returns void
  language plpgsql
as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast');
exception
  when others then
    raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end
$$;

create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text, new record, old record,
  level text default 'ROW'
) returns void
  language plpgsql
as $$
begin
  if level = 'STATEMENT' then
    raise exception 'function can only be triggered for each row, not for each statement';
  end if;
  if operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema),
    event_name, topic_name);
exception
  when others then
    raise exception 'Failed to process the row: %', sqlerrm;
end
$$;

-- Which gateways are listening. NOTIFY takes a lock that is the whole cluster's until the commit is on the disk, so nobody takes
-- it while no client is connected.
create table if not exists realtime.embedded_listeners (id uuid primary key);
delete from realtime.embedded_listeners;
grant select, insert, delete on realtime.embedded_listeners to postgres;
alter table realtime.embedded_listeners enable row level security;

create or replace function realtime.tell_embedded_gateway() returns trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  ids text;
begin
  if exists (select from realtime.embedded_listeners) then
    -- NOTIFY carries at most 8,000 bytes; an id takes 37.
    for ids in
      select string_agg(numbered.id::text, ',' order by numbered.n)
      from (select added.id, row_number() over () as n from added where added.event is not null) as numbered
      group by (numbered.n - 1) / 200 order by (numbered.n - 1) / 200
    loop
      perform pg_notify('realtime_messages', ids);
    end loop;
  end if;
  return null;
end
$$;
create or replace trigger tell_embedded_gateway after insert on realtime.messages
  referencing new table as added for each statement execute function realtime.tell_embedded_gateway();

do $$
declare
  item regprocedure;
begin
  foreach item in array array[
    'realtime.topic()', 'realtime.send(jsonb,text,text,boolean)', 'realtime.send_binary(bytea,text,text,boolean)',
    'realtime.broadcast_changes(text,text,text,text,text,record,record,text)'
  ]::regprocedure[] loop
    execute format('alter function %s owner to supabase_realtime_admin', item);
    execute format('grant execute on function %s to postgres, anon, authenticated, service_role', item);
  end loop;
end
$$;

delete from realtime.messages where inserted_at < now() - interval '3 days';
