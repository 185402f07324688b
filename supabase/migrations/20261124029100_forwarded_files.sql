-- Files are forwarded as safely as texts, and their captions are edited like texts.

/**
 * Queues a copy of a message of the calling user for another of their conversations, marked as forwarded. The original is held until the
 * copy is there: its file, which the copy shows, too, does not go in between.
 */
create or replace function private.forward_message(p_message uuid, p_conversation text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_original public.messages_new;
  v_conversation public.conversations_new;
  v_message public.messages_new;
  v_is_file boolean;
  v_has_proto boolean;
  v_is_old boolean;
  v_text text;
  v_content jsonb;
  v_fingerprint text;
  v_first jsonb;
begin
  if p_idempotency_key is not null then
    v_fingerprint := private.fingerprint(
      jsonb_build_array('forward_message', p_message, private.find_conversation(v_user, p_conversation)));
    -- A used key comes first, also when the original is gone meanwhile.
    v_first := private.find_sent(v_user, p_idempotency_key, v_fingerprint);
    if v_first is not null then
      return v_first;
    end if;
  end if;
  if not exists (select from public.messages_new where id = p_message and user_id = v_user) then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  v_conversation := private.writable_conversation(v_user, p_conversation);
  -- Conversations before their messages and in order, as everybody takes them; then the original, so that nobody deletes it meanwhile.
  perform from public.conversations_new c
    where c.user_id = v_user and (c.id = v_conversation.id or c.id = (
      select m.conversation_id from public.messages_new m where m.id = p_message and m.user_id = v_user))
    order by c.id for no key update;
  select * into v_original from public.messages_new
    where id = p_message and user_id = v_user and (expires_at is null or expires_at > now()) for share;
  if v_original.id is null then
    perform private.fail(404, 'message_not_found', 'Message not found.');
  end if;
  v_is_file := v_original.message_type in ('image', 'video', 'audio', 'document', 'sticker');
  v_has_proto := exists (select from private.message_protos where message_id = p_message and user_id = v_user);
  if v_original.revoked_at is not null or v_original.content ? 'view_once'
    or v_original.message_type in ('notice', 'unsupported', 'reaction')
    or (v_original.message_type = 'text' and v_original.text_content is null)
    or (v_is_file and not v_has_proto) then
    perform private.fail(409, 'not_forwardable', 'That message can''t be forwarded.');
  end if;
  -- WhatsApp keeps a file for some weeks: one that we have is uploaded anew after that.
  v_is_old := v_is_file and v_original.media_status = 'stored' and v_original.created_at < now() - interval '14 days';
  -- A document without a caption is shown by its name, which is no caption.
  v_text := case when v_is_old and v_original.message_type = 'document' and v_original.text_content = v_original.media_file_name
    then null else v_original.text_content end;
  v_content := (v_original.content - array['quote', 'ephemeral_seconds', 'choice', 'choices', 'event', 'group_invitation'])
    || jsonb_build_object('forwarded', coalesce((v_original.content ->> 'forwarded')::integer, 0) + 1);
  v_message := private.enqueue_message(v_conversation, v_original.message_type, v_text, v_content, null, 'user',
    case when v_original.media_status is not null then jsonb_build_object('status', v_original.media_status,
      'url', v_original.media_url, 'mime_type', v_original.media_mime_type, 'size_bytes', v_original.media_size_bytes,
      'sha256', v_original.media_sha256, 'duration_seconds', v_original.media_duration_seconds, 'width', v_original.media_width,
      'height', v_original.media_height, 'file_name', v_original.media_file_name, 'waveform', v_original.media_waveform) end);
  if v_is_old then
    insert into private.media_sends (message_id, user_id, type, file_name)
      values (v_message.id, v_user, case
        when v_content ? 'voice_note' then 'voice' when v_content ? 'gif' then 'gif' when v_content ? 'video_note' then 'video_note'
        when v_original.message_type in ('document', 'sticker') then v_original.message_type end, v_original.media_file_name);
  elsif v_is_file then
    insert into private.message_protos (message_id, user_id, proto, sealed_as)
      select v_message.id, v_user, p.proto,
          coalesce(p.sealed_as, v_original.session_id::text || '/message/' || v_original.wa_id)
        from private.message_protos p where p.message_id = p_message and p.user_id = v_user;
    -- A file that is still on its way here is fetched for both.
    if v_message.media_status = 'pending' then
      insert into private.media_downloads (message_id, user_id, session_id) values (v_message.id, v_user, v_message.session_id)
        on conflict (message_id) do nothing;
    end if;
  end if;
  perform private.remember_result(
    v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('message_id', v_message.id));
  return jsonb_build_object('message', private.message_json(v_message), 'replayed', false);
end
$$;

/** As before; the caption of a picture, film or document, too. */
create or replace function private.edit_message(p_message uuid, p_text text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_message public.messages_new;
  v_conversation public.conversations_new;
  v_first jsonb;
begin
  -- A key that was used is answered as it was, also when the message could no longer be changed: it may be too old, or deleted by then.
  select * into v_message from public.messages_new where id = p_message and user_id = v_user;
  v_first := private.find_result(v_user, p_idempotency_key, private.fingerprint(
    jsonb_build_array('edit_message', v_message.conversation_id, jsonb_build_object('message_id', p_message, 'text', p_text))));
  if v_first is not null then
    return v_first;
  end if;
  v_message := private.live_message(v_user, p_message);
  v_conversation := private.writable_conversation(v_user, v_message.conversation_id::text);
  perform private.check_text(p_text);
  if not v_message.from_me then
    perform private.fail(403, 'message_not_yours', 'Only who wrote a message may do that.');
  end if;
  if v_message.message_type not in ('text', 'image', 'video', 'document') or v_message.content ? 'video_note'
    or v_message.status = 'failed' then
    perform private.fail(409, 'not_editable', 'That message can''t be edited.');
  end if;
  if v_message.created_at < now() - interval '15 minutes' then
    perform private.fail(409, 'message_too_old', 'It is too late for that.');
  end if;
  perform private.assert_may_write(v_conversation);
  return private.enqueue_command(v_conversation, 'edit_message',
    jsonb_build_object('message_id', v_message.id, 'text', p_text), p_idempotency_key);
end
$$;
comment on function public.edit_message(uuid, text, text) is
  'Changes the text of a message, or the caption of a picture, film or document, that you sent less than 15 minutes ago. Answers {command_id} to ask command_result with.';
