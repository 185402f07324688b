-- Plans that stay are made when tables may still be small, and would read them whole for as long as they stay. What a message takes on its
-- way looks up few rows by their keys, so these functions go through indexes whatever the tables' size.

do $$
declare
  v_function regprocedure;
begin
  foreach v_function in array array[
    'private.acknowledge_messages(uuid, uuid[], bigint[], text[])',
    'private.raise_statuses(uuid, uuid[], bigint[], text[], text[], text[], integer)',
    'private.receive_messages(uuid, uuid[], bigint[], bytea[], uuid[], text[], text[], bytea[], uuid[], text[], text[], bytea[], jsonb)',
    'private.submit_message(text, text, text, uuid, text)',
    'private.submit_texts(jsonb)',
    'private.append_events(uuid, uuid, jsonb)',
    'private.read_events(uuid[], bigint[], integer[])']::regprocedure[]
  loop
    execute format('alter function %s set enable_seqscan = off', v_function);
    execute format('alter function %s set enable_hashjoin = off', v_function);
    execute format('alter function %s set enable_mergejoin = off', v_function);
  end loop;
end
$$;

/** As before; what the reference means is looked up once, not once a conversation of the user's. */
create or replace function private.writable_conversation(p_user_id uuid, p_conversation text) returns public.conversations_new
  language plpgsql
  stable
  set search_path = ''
as $$
declare
  v_id uuid := private.find_conversation(p_user_id, p_conversation);
  v_conversation public.conversations_new;
begin
  select * into v_conversation from public.conversations_new where id = v_id and user_id = p_user_id;
  if v_conversation.id is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  return v_conversation;
end
$$;

/** As before; planned once a connection. */
create or replace function private.remember_result(p_user_id uuid, p_key text, p_fingerprint text, p_result jsonb) returns void
  language plpgsql
  set search_path = ''
as $$
begin
  if p_key is not null then
    insert into private.idempotency_keys (user_id, key, fingerprint, result) values (p_user_id, p_key, p_fingerprint, p_result);
  end if;
end
$$;

/** As before; a message is looked up a command, never joined the other way about. */
create or replace function private.claim_work(
  p_holder uuid, p_session_ids uuid[], p_epochs bigint[], p_limits integer[], p_depths integer[]
) returns table (
    session_id uuid, outcome text, id bigint, user_id uuid, kind text, lane text, conversation_id uuid, message_id uuid, payload jsonb,
    attempts integer, created_at timestamptz, message jsonb, proto bytea, sealed_as text, seconds double precision, is_behind boolean)
  language plpgsql
  set search_path = ''
  set plan_cache_mode = force_generic_plan
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  v_session record;
  v_events jsonb;
  v_claimed private.session_commands[];
begin
  perform set_config('synchronous_commit', 'off', true);
  if cardinality(p_session_ids) > 1 then
    -- One whose rows somebody holds must not keep the others waiting: the caller then claims for each by itself.
    perform set_config('lock_timeout', '500ms', true);
  end if;
  for v_session in
    select g.id, g.epoch, g.most, g.depth
      from unnest(p_session_ids, p_epochs, p_limits, p_depths) as g(id, epoch, most, depth) order by g.id
  loop
    perform from private.session_leases l
      where l.session_id = v_session.id and l.holder = p_holder and l.epoch = v_session.epoch and l.expires_at > clock_timestamp()
      for key share;
    if not found then
      session_id := v_session.id;
      outcome := 'lease_lost';
      return next;
      continue;
    end if;
    v_events := private.fail_exhausted(v_session.id, v_session.epoch);
    -- Claimed first, looked up then: the claim sees what was submitted since its statement began, and one query with it would not.
    v_claimed := array(
      select k from private.claim_runs(v_session.id, v_session.epoch, v_session.most, v_session.depth) k);
    return query
      select v_session.id, 'claimed', k.id, k.user_id, k.kind, k.lane, k.conversation_id, k.message_id, k.payload, k.attempts, k.created_at,
          o.message, o.proto, o.sealed_as, null::double precision, null::boolean
        from unnest(v_claimed) k
        left join lateral (
          select jsonb_build_object(
              'id', m.id, 'conversation_id', m.conversation_id, 'wa_id', m.wa_id, 'type', m.message_type, 'text', m.text_content,
              'content', m.content, 'status', m.status,
              -- A person's LID when it is known (one ratchet a person), else the number; or the group.
              'address', (
                select coalesce((
                    select i.jid from public.contact_identities i
                      where i.contact_id = c.contact_id order by i.kind, i.created_at desc limit 1), c.external_id)
                  from public.conversations_new c where c.id = m.conversation_id),
              'quoted', (
                select jsonb_build_object('wa_id', q.wa_id, 'from_me', q.from_me, 'sender_jid', q.sender_jid, 'type', q.message_type,
                    'text', q.text_content)
                  from public.messages_new q
                  where q.session_id = m.session_id and q.wa_id = m.reply_to_wa_id and q.conversation_id = m.conversation_id limit 1)
              ) as message,
              p.proto, coalesce(p.sealed_as, m.session_id::text || '/message/' || m.wa_id) as sealed_as
            from public.messages_new m left join private.message_protos p on p.message_id = m.id
            where m.id = k.message_id and m.session_id = k.session_id and k.kind = 'send_message'
            limit 1) o on true
        order by k.id;
    if v_events is not null then
      -- A number that somebody has seen must not be given to another event after a crash of the database.
      perform set_config('synchronous_commit', 'on', true);
      perform private.append_events(
        v_session.id, (select s.user_id from public.whatsapp_sessions s where s.id = v_session.id), v_events);
    end if;
    return query
      select v_session.id, 'rest', null::bigint, null::uuid, null, null, null::uuid, null::uuid, null::jsonb, null::integer,
          null::timestamptz, null::jsonb, null::bytea, null,
          -- Heads only: what waits behind one says nothing of when it may run.
          extract(epoch from min(o.next_attempt_at) filter (
            where o.is_head and o.status = 'queued' and o.next_attempt_at > now()) - now())::double precision,
          coalesce(bool_or(o.status = 'queued' and o.next_attempt_at <= now()), false)
        from (
          select k.status, k.next_attempt_at, row_number() over (partition by k.lane order by k.id) = 1 as is_head
            from private.session_commands k
            where k.session_id = v_session.id and k.status in ('queued', 'claimed')) o;
  end loop;
end
$$;
