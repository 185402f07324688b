-- What a message takes on its way out is planned once a connection. The planner would plan statements about arrays anew with every call,
-- because it takes those of unknown length for longer than most are: of the 2.7 ms that an acknowledgement took, 1 ms was planning.

alter function private.acknowledge_messages(uuid, uuid[], bigint[], text[]) set plan_cache_mode = force_generic_plan;
alter function private.receive_messages(
    uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb)
  set plan_cache_mode = force_generic_plan;
alter function private.submit_message(text, text, text, uuid, text) set plan_cache_mode = force_generic_plan;
alter function private.append_events(uuid, uuid, jsonb) set plan_cache_mode = force_generic_plan;
alter function private.broadcast_events(uuid[], integer) set plan_cache_mode = force_generic_plan;

/**
 * Sessions as they are, each with its events after a cursor (at most so many) and the rows that these are about as they are now. `n` is
 * the place in the arrays. A session without news is one row without an event.
 */
create function private.read_events(p_session_ids uuid[], p_after bigint[], p_most integer[])
  returns table (
    n integer, id uuid, user_id uuid, is_default boolean, status text, status_reason text, phone text, first_seq bigint, last_seq bigint,
    seq bigint, type text, at timestamptz, data jsonb, message json, conversation json)
  language plpgsql
  stable
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
    select r.n::integer, s.id, s.user_id, s.is_default, s.status, s.status_reason, s.phone, t.first_seq, t.last_seq,
        e.seq, e.type, e.at, e.data, to_json(m), to_json(c)
      from unnest(p_session_ids, p_after, p_most) with ordinality as r(session_id, after, most, n)
      join public.whatsapp_sessions s on s.id = r.session_id
      join private.session_streams t on t.session_id = s.id
      left join lateral (
        select v.seq, v.type, v.at, v.data,
            -- What a newer host says of an id may be anything.
            case when v.data ->> 'message_id' ~ '^[0-9a-f-]{36}$' then (v.data ->> 'message_id')::uuid end as message_id,
            case when v.data ->> 'conversation_id' ~ '^[0-9a-f-]{36}$' then (v.data ->> 'conversation_id')::uuid end as conversation_id
          from public.session_events v
          where v.session_id = r.session_id and v.seq > r.after order by v.seq limit r.most) e on true
      left join public.messages_new m on m.id = e.message_id and (m.expires_at is null or m.expires_at > now())
      left join public.conversations_new c on c.id = e.conversation_id
      order by r.n, e.seq;
end
$$;
comment on function private.read_events(uuid[], bigint[], integer[]) is
  'Sessions with their events after a cursor each, and the rows that these are about.';
revoke all on function private.read_events(uuid[], bigint[], integer[]) from public;
grant execute on function private.read_events(uuid[], bigint[], integer[]) to session_host;
