-- Pairing codes: linking by typing a code on the phone instead of scanning the QR. A code is a secret like the QR: one overwritten row.

alter table private.linking_attempts
  add column phone text check (phone ~ '^[1-9][0-9]{6,14}$'),
  add column pairing_code text check (pairing_code ~ '^[0-9A-Z]{4}-[0-9A-Z]{4}$'),
  add column pairing_code_expires_at timestamptz,
  add column pairing_error text check (pairing_error ~ '^[a-z0-9_]{1,64}$'),
  add constraint linking_attempts_code_check check (
    (pairing_code is null) = (pairing_code_expires_at is null) and (pairing_code is null or phone is not null));

comment on table private.linking_attempts is 'The newest QR and pairing code of a session that is being linked. Read by its owner through link_state(), deleted on link or expiry.';
comment on column private.linking_attempts.phone is 'Number that the owner wants a pairing code for, digits; null when only the QR was asked for.';
comment on column private.linking_attempts.pairing_code is 'Code to type on that phone, XXXX-XXXX. A secret: never in events, Realtime or logs.';
comment on column private.linking_attempts.pairing_code_expires_at is 'Until when WhatsApp accepts the code.';
comment on column private.linking_attempts.pairing_error is 'Why there is no code, a code of the error table.';

/**
 * Asks for a code that links the given number (digits with the country code), and starts linking when nothing is under way. A code that
 * is still valid for the same number is kept. Answers {session_id, status}; the code comes through link_state.
 */
create function private.request_pairing_code(p_phone text, p_idempotency_key text) returns jsonb
  language plpgsql
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_fingerprint text := private.fingerprint(jsonb_build_array('request_pairing_code', p_phone));
  v_result jsonb;
  v_session uuid;
begin
  if p_phone is null or p_phone !~ '^[1-9][0-9]{6,14}$' then
    perform private.fail(400, 'invalid_phone', 'Give a phone number with its country code.');
  end if;
  v_result := private.find_result(v_user, p_idempotency_key, v_fingerprint);
  if v_result is not null then
    return v_result;
  end if;
  if exists (select from public.whatsapp_sessions where user_id = v_user and is_default and linked_at is not null) then
    perform private.fail(409, 'already_linked', 'A phone is linked already. Unlink it first.');
  end if;
  v_result := private.request_link_now();
  v_session := (v_result ->> 'session_id')::uuid;
  insert into private.linking_attempts as a (session_id, phone) values (v_session, p_phone)
    on conflict (session_id) do update set
        phone = excluded.phone, pairing_code = null, pairing_code_expires_at = null, pairing_error = null,
        version = a.version + 1
      where a.phone is distinct from excluded.phone or a.pairing_error is not null
        or coalesce(a.pairing_code_expires_at <= now(), false);
  perform private.wake_hosts(v_session);
  perform private.remember_result(v_user, p_idempotency_key, v_fingerprint, v_result);
  return v_result;
end
$$;
comment on function private.request_pairing_code(text, text) is 'Definer half of public.request_pairing_code.';

create function public.request_pairing_code(p_phone text, p_idempotency_key text default null) returns jsonb
  language sql
  security invoker
  set search_path = ''
as $$
  select private.request_pairing_code(p_phone, p_idempotency_key)
$$;
comment on function public.request_pairing_code(text, text) is
  'Asks for a pairing code for a number (digits with the country code). Answers {session_id, status}; ask link_state for the code. The same idempotency key answers the first result again, with replayed: true.';

/**
 * The calling user's default session with the QR and the pairing code that are valid now: {session_id, status, status_reason, status_at,
 * phone, push_name, linked_at, sync_progress, qr, qr_expires_at, pairing_phone, pairing_code, pairing_code_expires_at, pairing_error}.
 */
create or replace function private.link_state() returns jsonb
  language plpgsql
  stable
  security definer
  set search_path = ''
as $$
declare
  v_user uuid := private.require_user();
  v_state jsonb;
begin
  select jsonb_build_object(
      'session_id', s.id, 'status', s.status, 'status_reason', s.status_reason, 'status_at', s.status_at,
      'phone', s.phone, 'push_name', s.push_name, 'linked_at', s.linked_at, 'sync_progress', s.sync_progress,
      'qr', case when l.qr_expires_at > now() then l.qr end,
      'qr_expires_at', case when l.qr_expires_at > now() then l.qr_expires_at end,
      'pairing_phone', l.phone, 'pairing_error', l.pairing_error,
      'pairing_code', case when l.pairing_code_expires_at > now() then l.pairing_code end,
      'pairing_code_expires_at', case when l.pairing_code_expires_at > now() then l.pairing_code_expires_at end)
    into v_state
    from public.whatsapp_sessions s
    left join private.linking_attempts l on l.session_id = s.id
    where s.user_id = v_user and s.is_default;
  return coalesce(v_state, jsonb_build_object('session_id', null, 'status', 'unlinked', 'qr', null));
end
$$;
comment on function public.link_state() is
  'Your default session and, while it is being linked, the QR (a PNG data URL) and the pairing code, each with its expiry.';

revoke all on function private.request_pairing_code(text, text), public.request_pairing_code(text, text)
  from public, anon, authenticated, service_role;
grant execute on function private.request_pairing_code(text, text) to authenticated, session_host;
grant execute on function public.request_pairing_code(text, text) to authenticated;
