-- Presence: who is online or types, both ways, through notifications alone; nothing of it is stored.

/**
 * Shows the calling user's presence on WhatsApp: composing, recording or paused towards a conversation, available or unavailable towards
 * everybody (no conversation), or asks to be told of the other side's (watch). Answers {session_id, conversation_id, state}; it is lost
 * when the session is not connected.
 */
create function private.set_presence(p_state text, p_conversation text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_towards_chat boolean := p_state in ('composing', 'recording', 'paused', 'watch');
  v_conversation public.conversations_new;
  v_session uuid;
  v_address text;
begin
  if p_state is null or p_state not in ('composing', 'recording', 'paused', 'watch', 'available', 'unavailable')
    or v_towards_chat <> (p_conversation is not null) then
    perform private.fail(400, 'invalid_request',
      'The state is composing, recording, paused or watch with a conversation, or available or unavailable without one.');
  end if;
  if v_towards_chat then
    select * into v_conversation from public.conversations_new
      where id = private.find_conversation(v_user, p_conversation) and user_id = v_user;
    if v_conversation.id is null then
      perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
    end if;
    v_session := v_conversation.session_id;
    v_address := coalesce((
      select i.jid from public.contact_identities i where i.contact_id = v_conversation.contact_id
        order by i.kind, i.created_at desc limit 1), v_conversation.external_id);
  else
    v_session := private.default_session(v_user);
  end if;
  if not exists (select from public.whatsapp_sessions s where s.id = v_session and s.linked_at is not null) then
    perform private.fail(409, 'session_not_linked', 'No phone is linked. Scan the QR code first.');
  end if;
  perform pg_notify('own_presence', jsonb_build_object('session_id', v_session, 'state', p_state, 'chat', v_address)::text);
  return jsonb_build_object('session_id', v_session, 'conversation_id', v_conversation.id, 'state', p_state);
end
$$;
comment on function private.set_presence(text, text) is 'Definer half of public.set_presence.';

create function public.set_presence(p_state text, p_conversation text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.set_presence(p_state, p_conversation)
$$;
comment on function public.set_presence(text, text) is
  'Shows your presence on WhatsApp: composing, recording or paused in a conversation of yours (uuid or JID); available or unavailable to everybody, without one; watch asks for the other side''s, which comes as broadcast presence on your topic. Answers {session_id, conversation_id, state}.';

/**
 * Tells whoever listens for the owner of a session that somebody is online or types in a chat: hosts by a notification, pages by a
 * broadcast. A chat that has no conversation is nobody's business. Answers whether somebody was told.
 */
create function private.tell_presence(p_session_id uuid, p_chat text, p_participant text, p_state text, p_last_seen timestamptz)
  returns boolean
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_conversation public.conversations_new;
  v_presence jsonb;
begin
  select c.* into v_conversation
    from public.conversations_new c
    left join public.contact_identities i on i.session_id = p_session_id and i.jid = p_chat
    where c.session_id = p_session_id and (c.contact_id = i.contact_id or c.external_id = p_chat)
    limit 1;
  if v_conversation.id is null then
    return false;
  end if;
  v_presence := jsonb_build_object(
    'sessionId', p_session_id, 'conversationId', v_conversation.id, 'externalId', v_conversation.external_id,
    'participant', p_participant, 'state', p_state,
    'lastSeen', to_char(p_last_seen at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
  perform pg_notify('presence', jsonb_build_object('user_id', v_conversation.user_id, 'presence', v_presence)::text);
  if to_regprocedure('realtime.send(jsonb,text,text,boolean)') is not null then
    perform realtime.send(v_presence, 'presence', 'user:' || v_conversation.user_id::text, true);
  end if;
  return true;
end
$$;
comment on function private.tell_presence(uuid, text, text, text, timestamptz) is 'Tells whoever listens for a session''s owner that somebody is online or types. Nothing is stored.';

revoke all on function
  private.set_presence(text, text), public.set_presence(text, text), private.tell_presence(uuid, text, text, text, timestamptz)
  from public, anon, authenticated, service_role, session_host;
grant execute on function private.set_presence(text, text) to authenticated, session_host;
grant execute on function public.set_presence(text, text) to authenticated;
grant execute on function private.tell_presence(uuid, text, text, text, timestamptz) to session_host;
