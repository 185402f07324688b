-- Texts that a user submits behind one another, through one host, are stored together: one commit, and each trigger once.

/**
 * private.submit_message for several plain texts of the calling user, in their order: [{conversation, text, key}], no key twice. Answers
 * each one's {message, replayed}. All or nothing: when one is refused the caller submits each by itself. Conversations are locked first and
 * in the order of their ids, the stream last, as by everybody who takes both.
 */
create function private.submit_texts(p_requests jsonb) returns table (n integer, result jsonb)
  language plpgsql
  security definer
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_user uuid := private.require_user();
  v_request record;
  v_conversation public.conversations_new;
  v_fingerprint text;
  v_first jsonb;
  v_known jsonb := '{}';
  v_fresh jsonb := '[]';
  v_places integer[] := '{}';
  v_ids uuid[] := '{}';
  v_sessions uuid[] := '{}';
  v_session uuid;
  v_locked integer := 0;
begin
  for v_request in select r.conversation, r.text from jsonb_to_recordset(p_requests) as r(conversation text, text text) loop
    perform private.check_text(v_request.text);
    if not v_known ? v_request.conversation then
      v_conversation := private.writable_conversation(v_user, v_request.conversation);
      v_known := v_known || jsonb_build_object(v_request.conversation, v_conversation.id);
      v_ids := v_ids || v_conversation.id;
      if not v_conversation.session_id = any(v_sessions) then
        v_sessions := v_sessions || v_conversation.session_id;
      end if;
    end if;
  end loop;
  for v_conversation in
    select c.* from public.conversations_new c where c.id = any(v_ids) order by c.id for no key update
  loop
    perform private.assert_may_write(v_conversation);
    v_locked := v_locked + 1;
  end loop;
  -- One that became one with another while it was waited for: each by itself then finds the other.
  if v_locked <> (select count(distinct i) from unnest(v_ids) as u(i)) then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;

  for v_request in
    select r.text, r.key, (v_known ->> r.conversation)::uuid as conversation_id, e.n::integer as n
      from jsonb_array_elements(p_requests) with ordinality as e(request, n),
        jsonb_to_record(e.request) as r(conversation text, text text, key text)
      order by e.n
  loop
    v_first := null;
    v_fingerprint := null;
    if v_request.key is not null then
      v_fingerprint := private.fingerprint(
        jsonb_build_array('submit_message', v_request.conversation_id, v_request.text, null::uuid, 'user'));
      v_first := private.find_sent(v_user, v_request.key, v_fingerprint);
    end if;
    if v_first is not null then
      n := v_request.n;
      result := v_first;
      return next;
    else
      v_fresh := v_fresh || jsonb_build_array(jsonb_build_object('n', v_request.n, 'conversation_id', v_request.conversation_id,
        'text', v_request.text, 'key', v_request.key, 'fingerprint', v_fingerprint, 'wa_id', private.new_wa_id()));
    end if;
  end loop;

  return query
    with fresh as materialized (
      select f.*, c.user_id, c.session_id, coalesce(c.disappearing_seconds, g.disappearing_seconds) as timer
        from jsonb_to_recordset(v_fresh) as f(n integer, conversation_id uuid, text text, key text, fingerprint text, wa_id text)
        join public.conversations_new c on c.id = f.conversation_id
        left join public.groups g on g.conversation_id = c.id and c.kind = 'group'),
    stored as (
      insert into public.messages_new as m (
          conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at, content,
          expires_at)
        select f.conversation_id, f.user_id, f.session_id, 'user', 'text', f.text, true, 'pending', f.wa_id,
            -- Whole seconds as WhatsApp's own times, so that the ordinal orders it among what arrives in the same second.
            date_trunc('second', now()),
            case when f.timer is null then '{}' else jsonb_build_object('ephemeral_seconds', f.timer) end,
            date_trunc('second', now()) + make_interval(secs => f.timer)
          from fresh f order by f.n
        returning m.*),
    queued as (
      insert into private.session_commands (session_id, user_id, kind, lane, conversation_id, message_id)
        select s.session_id, s.user_id, 'send_message', s.conversation_id::text, s.conversation_id, s.id from stored s order by s.ordinal
        returning id),
    remembered as (
      insert into private.idempotency_keys (user_id, key, fingerprint, result)
        select v_user, f.key, f.fingerprint, jsonb_build_object('message_id', s.id)
          from fresh f join stored s on s.wa_id = f.wa_id where f.key is not null
        returning key),
    touched as (
      update public.conversations_new c set
          last_message_at = l.created_at, last_message_id = l.id, last_message_ordinal = l.ordinal,
          last_message_text = left(l.text_content, 200), last_message_type = l.message_type, last_message_from_me = true
        from (select distinct on (conversation_id) * from stored order by conversation_id, ordinal desc) l
        where c.id = l.conversation_id
          and (c.last_message_at is null
            or (l.created_at, l.ordinal) > (c.last_message_at, coalesce(c.last_message_ordinal, 0)))
        returning c.id),
    counted as materialized (
      select session_id, count(*) as count from stored
        -- What is not asked for would be done at the end, after the streams are locked.
        where (select count(*) from queued) + (select count(*) from remembered) + (select count(*) from touched) >= 0
        group by session_id),
    locked as materialized (
      select s.session_id from private.session_streams s
        where s.session_id in (select session_id from counted) order by s.session_id for no key update),
    advanced as (
      update private.session_streams s set last_seq = s.last_seq + c.count
        from counted c join locked k on k.session_id = c.session_id
        where s.session_id = c.session_id
        returning s.session_id, s.last_seq - c.count as before),
    logged as (
      insert into public.session_events (session_id, seq, user_id, type, data)
        select s.session_id, a.before + row_number() over (partition by s.session_id order by s.ordinal), s.user_id,
            'message.created', jsonb_build_object('conversation_id', s.conversation_id, 'message_id', s.id, 'from_me', true)
          from stored s join advanced a on a.session_id = s.session_id)
    select f.n, jsonb_build_object('message', to_jsonb(s), 'replayed', false)
      from fresh f join stored s on s.wa_id = f.wa_id;
  foreach v_session in array v_sessions loop
    perform private.wake_hosts(v_session);
  end loop;
end
$$;
comment on function private.submit_texts(jsonb) is 'Stores several texts of the caller with their commands and events, and wakes the host.';
revoke all on function private.submit_texts(jsonb) from public;
grant execute on function private.submit_texts(jsonb) to session_host;
