-- Personalities and the assistant's switches of a conversation, as REST and SQL reach them beside the tables.

/** The calling user's personalities by name, a page after (p_after_name, p_after_id). */
create function public.list_personalities(p_limit integer default 50, p_after_name text default null, p_after_id uuid default null)
  returns setof public.personalities
  language sql
  stable
  security invoker
  set search_path = ''
as $$
  select p.* from public.personalities p
    where p.user_id = (select auth.uid())
      and (p_after_id is null or (p.name collate "C", p.id) > (p_after_name collate "C", p_after_id))
    order by p.name collate "C", p.id
    limit least(greatest(coalesce(p_limit, 50), 1), 201)
$$;
comment on function public.list_personalities(integer, text, uuid) is 'Your personalities by name, a page at a time.';

/** Makes a personality of the calling user, or changes the one given; what is null stays as it is. Answers {personality, replayed?}. */
create function private.save_personality(p_personality uuid, p_name text, p_instructions text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint(jsonb_build_array('save_personality', p_personality, p_name, p_instructions));
  v_first jsonb;
  v_row public.personalities;
begin
  if p_personality is null and p_name is null or p_name !~ '\S' or char_length(p_name) > 120 or char_length(p_instructions) > 20000 then
    perform private.fail(400, 'invalid_personality', 'A personality has a name of up to 120 characters, and instructions of up to 20,000.');
  end if;
  v_first := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_first is not null then
    select * into v_row from public.personalities where id = (v_first ->> 'personality_id')::uuid and user_id = v_user;
  elsif p_personality is null then
    insert into public.personalities (user_id, name, instructions) values (v_user, p_name, coalesce(p_instructions, ''))
      returning * into v_row;
  else
    update public.personalities set name = coalesce(p_name, name), instructions = coalesce(p_instructions, instructions)
      where id = p_personality and user_id = v_user returning * into v_row;
  end if;
  if v_row.id is null then
    perform private.fail(404, 'personality_not_found', 'Personality not found.');
  end if;
  if v_first is null then
    perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, jsonb_build_object('personality_id', v_row.id));
  end if;
  return jsonb_build_object('personality', to_jsonb(v_row) - 'user_id', 'replayed', v_first is not null);
end
$$;
comment on function private.save_personality(uuid, text, text, text) is 'Definer half of public.save_personality.';

create function public.save_personality(
  p_personality uuid default null, p_name text default null, p_instructions text default null, p_idempotency_key text default null
) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.save_personality(p_personality, p_name, p_instructions, p_idempotency_key) $$;
comment on function public.save_personality(uuid, text, text, text) is
  'Makes a personality of yours, or changes one; what is null stays. Answers {personality, replayed}.';

/** Deletes a personality of the calling user; conversations that had it have none. Answers {personality_id}. */
create function private.delete_personality(p_personality uuid) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  delete from public.personalities where id = p_personality and user_id = private.require_user();
  if not found then
    perform private.fail(404, 'personality_not_found', 'Personality not found.');
  end if;
  return jsonb_build_object('personality_id', p_personality);
end
$$;
comment on function private.delete_personality(uuid) is 'Definer half of public.delete_personality.';

create function public.delete_personality(p_personality uuid) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.delete_personality(p_personality) $$;
comment on function public.delete_personality(uuid) is 'Deletes a personality of yours; conversations that had it have none.';

/** Sets any of ai_active, personality_id and no_ac_ai of a conversation of the calling user. Answers {conversation_id}. */
create function private.set_assistant(p_conversation text, p_assistant jsonb) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_conversation uuid := private.find_conversation(v_user, p_conversation);
begin
  if jsonb_typeof(p_assistant) is distinct from 'object' or p_assistant = '{}' or exists (
      select from jsonb_each(case when jsonb_typeof(p_assistant) = 'object' then p_assistant else '{}' end) as a(k, v)
        where k not in ('ai_active', 'personality_id', 'no_ac_ai')
          or k in ('ai_active', 'no_ac_ai') and jsonb_typeof(v) <> 'boolean'
          or k = 'personality_id' and jsonb_typeof(v) not in ('string', 'null')) then
    perform private.fail(400, 'invalid_request', 'Say what is to be set: ai_active, personality_id, no_ac_ai.');
  end if;
  if v_conversation is null then
    perform private.fail(404, 'conversation_not_found', 'Conversation not found.');
  end if;
  if p_assistant ->> 'personality_id' is not null and not exists (
      select from public.personalities where id::text = p_assistant ->> 'personality_id' and user_id = v_user) then
    perform private.fail(404, 'personality_not_found', 'Personality not found.');
  end if;
  update public.conversations_new set
      ai_active = coalesce((p_assistant ->> 'ai_active')::boolean, ai_active),
      no_ac_ai = coalesce((p_assistant ->> 'no_ac_ai')::boolean, no_ac_ai),
      personality_id = case when p_assistant ? 'personality_id' then (p_assistant ->> 'personality_id')::uuid else personality_id end
    where id = v_conversation and user_id = v_user;
  return jsonb_build_object('conversation_id', v_conversation);
end
$$;
comment on function private.set_assistant(text, jsonb) is 'Definer half of public.set_assistant.';

create function public.set_assistant(p_conversation text, p_assistant jsonb) returns jsonb
  language sql security invoker set search_path = ''
as $$ select private.set_assistant(p_conversation, p_assistant) $$;
comment on function public.set_assistant(text, jsonb) is
  'Sets any of ai_active, personality_id and no_ac_ai of a conversation of yours. Answers {conversation_id}.';

revoke all on function public.list_personalities(integer, text, uuid),
  private.save_personality(uuid, text, text, text), public.save_personality(uuid, text, text, text),
  private.delete_personality(uuid), public.delete_personality(uuid),
  private.set_assistant(text, jsonb), public.set_assistant(text, jsonb)
  from public, anon, authenticated, service_role, session_host;
grant execute on function public.list_personalities(integer, text, uuid),
  private.save_personality(uuid, text, text, text), public.save_personality(uuid, text, text, text),
  private.delete_personality(uuid), public.delete_personality(uuid),
  private.set_assistant(text, jsonb), public.set_assistant(text, jsonb)
  to authenticated;
