/**
 * Who may do what, as data. Each table, view and function of our schemas has a row here; one without fails
 * the tests (policy-matrix.test.ts through SQL, policy-gateway.test.ts through the gateway), and so does one that says something
 * else than what the database does.
 *
 * A user (`authenticated`) reaches own rows only, the service role and the host every user's. `anon` is never granted anything.
 */
export const roles = ['anon', 'authenticated', 'service_role', 'session_host'] as const
export type Role = (typeof roles)[number]
export type GrantedRole = Exclude<Role, 'anon'>

/** Columns that a verb may name. */
export type Columns = 'every column' | readonly string[]

export interface Rights {
  select?: Columns
  insert?: Columns
  update?: Columns
  delete?: true
}

/** Rights on a table or view; what is not named is refused. */
export type RelationRow = Partial<Record<GrantedRole, Rights>>

/** Ids of one user's objects that calls of another are made with. */
export interface Objects {
  userId: string
  sessionId: string
  conversationId: string
  messageId: string
  contactId: string
  groupId: string
  commandId: number
  personalityId: string
  /** JID of a person that only this user knows. */
  jid: string
}

export interface FunctionRow {
  execute: readonly GrantedRole[]
  /** Public functions: the arguments of a call about somebody's objects. */
  call?: (objects: Objects) => Record<string, unknown>
  /** What another user gets who makes that call: a refusal with this hint, or an answer about own objects alone. */
  stranger?: string
  /** What the owner gets, when that is a refusal too: this hint. */
  owner?: string
  /** For administrators: who may call it may do so for any user. */
  administers?: true
}

const readable = { select: 'every column' } as const
const hostTable: RelationRow = {
  session_host: { select: 'every column', insert: 'every column', update: 'every column', delete: true },
}

export const relations: Record<string, RelationRow> = {
  'public.contact_identities': { authenticated: readable, service_role: readable, ...hostTable },
  'public.contacts': { authenticated: readable, service_role: readable, ...hostTable },
  'public.conversations_new': {
    authenticated: { ...readable, update: ['ai_active', 'personality_id', 'no_ac_ai'] },
    service_role: { ...readable, update: ['ai_active', 'personality_id', 'no_ac_ai'] },
    ...hostTable,
  },
  'public.group_participants': { authenticated: readable, service_role: readable, ...hostTable },
  'public.groups': { authenticated: readable, service_role: readable, ...hostTable },
  'public.message_receipts': { authenticated: readable, service_role: readable, ...hostTable },
  'public.messages_new': { authenticated: readable, service_role: readable, ...hostTable },
  'public.personalities': {
    authenticated: {
      ...readable,
      insert: ['user_id', 'name', 'instructions'],
      update: ['name', 'instructions'],
      delete: true,
    },
    service_role: { select: 'every column', insert: 'every column', update: 'every column', delete: true },
    session_host: readable,
  },
  'public.session_events': {
    authenticated: readable,
    service_role: readable,
    session_host: { ...readable, insert: 'every column' },
  },
  'public.whatsapp_sessions': {
    authenticated: readable,
    service_role: readable,
    session_host: { ...readable, insert: 'every column', update: 'every column' },
  },

  'private.contact_merges': hostTable,
  'private.calls': hostTable,
  'private.conversation_merges': hostTable,
  'private.early_changes': hostTable,
  'private.early_receipts': hostTable,
  'private.early_states': hostTable,
  'private.erasures': { service_role: readable },
  'private.history_chunks': {
    service_role: { select: ['user_id', 'session_id', 'refused', 'finished_at'] },
    ...hostTable,
  },
  'private.idempotency_keys': {},
  'private.inbox': hostTable,
  'private.linking_attempts': hostTable,
  'private.media_downloads': hostTable,
  'private.media_removals': hostTable,
  'private.media_sends': hostTable,
  'private.message_protos': hostTable,
  'private.message_search': {},
  'private.session_broadcasts': {},
  'private.quarantined_messages': {
    service_role: {
      select: ['session_id', 'id', 'stage', 'error', 'attempts', 'received_at', 'tried_at', 'host_version'],
    },
    ...hostTable,
  },
  'private.profile_pictures': hostTable,
  'private.rate_buckets': hostTable,
  'private.session_commands': {
    service_role: readable,
    session_host: { ...readable, insert: 'every column', update: 'every column' },
  },
  'private.session_leases': { service_role: readable, ...hostTable },
  'private.session_streams': { service_role: readable, session_host: { ...readable, update: 'every column' } },
  'private.socket_connections': hostTable,
  'private.whatsapp_credentials': hostTable,
  'private.whatsapp_keys': hostTable,

  'dashboard.history_refusals': { service_role: readable },
  'dashboard.quarantine': { service_role: readable },
  'dashboard.sealed_values': { service_role: readable },
  'dashboard.sessions': { service_role: readable },
  'dashboard.storage_per_user': { service_role: readable },
  'dashboard.stuck_sends': { service_role: readable },
  'dashboard.volume_per_day': { service_role: readable },
}

const user = { execute: ['authenticated'] } as const
const userAndHost = { execute: ['authenticated', 'session_host'] } as const
const host = { execute: ['session_host'] } as const
const hostAndService = { execute: ['service_role', 'session_host'] } as const
const administrator = { execute: ['service_role'], administers: true } as const
const nobody = { execute: [] } as const
/** Used by indices, checks or views, and so run by whoever reads or writes the rows. */
const anyone = { execute: ['authenticated', 'service_role', 'session_host'] } as const

export const functions: Record<string, FunctionRow> = {
  'public.block_contact(text,boolean,text)': {
    ...user,
    call: ({ contactId }) => ({ p_contact: contactId, p_blocked: true }),
    stranger: 'not_found',
  },
  'public.command_result(bigint)': {
    ...user,
    call: ({ commandId }) => ({ p_command_id: commandId }),
    stranger: 'not_found',
  },
  'public.delete_message(uuid,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId }),
    stranger: 'message_not_found',
  },
  'public.delete_for_me(uuid,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId }),
    stranger: 'message_not_found',
  },
  'public.star_message(uuid,boolean,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId, p_starred: true }),
    stranger: 'message_not_found',
  },
  'public.edit_message(uuid,text,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId, p_text: 'hello' }),
    stranger: 'message_not_found',
  },
  'public.erase_user(uuid,integer)': { ...administrator, call: ({ userId }) => ({ p_user_id: userId }) },
  'public.event_cursor(uuid)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
    stranger: 'not_found',
  },
  'public.export_my_data(jsonb,integer)': {
    ...user,
    call: ({ messageId }) => ({ p_cursor: ['public.message_receipts', messageId, ''] }),
  },
  'public.export_user(uuid,jsonb,integer)': { ...administrator, call: ({ userId }) => ({ p_user_id: userId }) },
  'public.forward_message(uuid,text,text)': {
    ...user,
    call: ({ messageId, conversationId }) => ({ p_message: messageId, p_conversation: conversationId }),
    stranger: 'message_not_found',
  },
  'public.get_contact(text)': {
    ...user,
    call: ({ contactId }) => ({ p_contact: contactId }),
    stranger: 'not_found',
  },
  'public.get_conversation(text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.group_command(text,text,jsonb,text)': {
    ...user,
    call: ({ groupId }) => ({ p_conversation: groupId, p_action: 'leave' }),
    owner: 'not_in_group',
    stranger: 'conversation_not_found',
  },
  'public.get_group(text)': {
    ...user,
    call: ({ groupId }) => ({ p_group: groupId }),
    stranger: 'conversation_not_found',
  },
  'public.list_personalities(integer,text,uuid)': { ...user, call: () => ({}) },
  'public.save_personality(uuid,text,text,text)': {
    ...user,
    call: ({ personalityId }) => ({ p_personality: personalityId, p_name: 'x' }),
    stranger: 'personality_not_found',
  },
  'public.delete_personality(uuid)': {
    ...user,
    call: ({ personalityId }) => ({ p_personality: personalityId }),
    stranger: 'personality_not_found',
  },
  'public.set_assistant(text,jsonb)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId, p_assistant: { ai_active: true } }),
    stranger: 'conversation_not_found',
  },
  'public.list_groups(integer,timestamp with time zone,uuid,uuid)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
  },
  'public.connection_state()': { ...user, call: () => ({}) },
  'public.link_state()': { ...user, call: () => ({}) },
  'public.list_contacts(integer,text,uuid,text,uuid)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
  },
  'public.list_conversations(integer,timestamp with time zone,uuid,text,boolean,uuid)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
  },
  'public.list_events(uuid,bigint,integer)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
    stranger: 'not_found',
  },
  'public.list_messages(text,integer,timestamp with time zone,bigint,timestamp with time zone,bigint)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.logout(text)': { ...user, call: () => ({}) },
  'public.submit_attachments(text,text,jsonb,text,uuid,text)': {
    ...user,
    call: ({ conversationId }) => ({
      p_conversation: conversationId,
      p_text: '',
      p_attachments: [{ url: 'https://example.com/x.png' }],
    }),
    stranger: 'conversation_not_found',
  },
  'public.request_media(uuid,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message_id: messageId }),
    stranger: 'message_not_found',
  },
  'public.mark_played(uuid)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId }),
    // The owner's own message: nobody plays what they wrote.
    owner: 'message_not_found',
    stranger: 'message_not_found',
  },
  'public.mark_unread(text,text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.mark_read(text,text)': {
    ...user,
    call: ({ jid }) => ({ p_conversation: jid }),
    stranger: 'conversation_not_found',
  },
  'public.request_history(text,integer,text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.react_to_message(uuid,text,text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId, p_emoji: '👍' }),
    stranger: 'message_not_found',
  },
  'public.reject_call(text,text)': {
    ...user,
    call: ({ jid }) => ({ p_call: jid }),
    stranger: 'call_not_found',
  },
  'public.request_link(text)': { ...user, call: () => ({}) },
  'public.request_pairing_code(text,text)': {
    ...user,
    call: () => ({ p_phone: '34600000007' }),
    // Both have linked their phones.
    stranger: 'already_linked',
    owner: 'already_linked',
  },
  'public.search_messages(text,text,timestamp with time zone,timestamp with time zone,text,integer,timestamp with time zone,bigint)':
    { ...user, call: () => ({ p_query: 'text' }) },
  'public.set_presence(text,text)': {
    ...user,
    call: ({ conversationId }) => ({ p_state: 'composing', p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.set_chat_state(text,jsonb,text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId, p_state: { archived: true } }),
    stranger: 'conversation_not_found',
  },
  'public.send_content(text,jsonb,text,uuid,text,text)': {
    ...user,
    call: ({ conversationId, messageId }) => ({
      p_conversation: conversationId,
      p_content: { location: { latitude: 40.4, longitude: -3.7 } },
      p_reply_to: messageId,
    }),
    stranger: 'conversation_not_found',
  },
  'public.set_disappearing(text,integer,text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId, p_seconds: 86_400 }),
    stranger: 'conversation_not_found',
  },
  'public.start_conversation(text,text)': { ...user, call: ({ jid }) => ({ p_jid: jid }) },
  'public.submit_message(text,text,text,uuid,text)': {
    ...user,
    call: ({ conversationId, messageId }) => ({
      p_conversation: conversationId,
      p_text: 'hello',
      p_reply_to: messageId,
    }),
    stranger: 'conversation_not_found',
  },
  'public.vote(uuid,text[],text)': {
    ...user,
    call: ({ messageId }) => ({ p_message: messageId, p_options: '{}' }),
    owner: 'not_a_poll',
    stranger: 'message_not_found',
  },

  'private.applied_migrations()': host,
  'private.assert_may_write(conversations_new)': nobody,
  'private.check_text(text)': nobody,
  'private.count_request(uuid,text)': nobody,
  'private.rate_limit(text)': nobody,
  'private.forget_text()': nobody,
  'private.checked_contacts(jsonb)': nobody,
  'private.checked_location(jsonb)': nobody,
  'private.checked_poll(jsonb)': nobody,
  'private.checked_text_content(text,jsonb)': nobody,
  'private.delete_message(uuid,text)': userAndHost,
  'private.delete_for_me(uuid,text)': userAndHost,
  'private.star_message(uuid,boolean,text)': userAndHost,
  'private.own_view_of(uuid,uuid)': nobody,
  'private.edit_message(uuid,text,text)': userAndHost,
  'private.enqueue_command(conversations_new,text,jsonb,text)': nobody,
  'private.enqueue_message(conversations_new,text,text,jsonb,uuid,text,jsonb)': nobody,
  'private.find_sent(uuid,text,text)': nobody,
  'private.erase_files_of_deleted_user()': nobody,
  'private.finish_change(uuid,uuid,bigint,bigint)': host,
  'private.forward_message(uuid,text,text)': userAndHost,
  'private.is_text(jsonb,integer)': nobody,
  'private.live_message(uuid,uuid)': nobody,
  'private.new_wa_id()': nobody,
  'private.own_jids(uuid)': nobody,
  'private.react_to_message(uuid,text,text)': userAndHost,
  'private.send_content(text,jsonb,text,uuid,text,text)': userAndHost,
  'private.set_disappearing(text,integer,text)': userAndHost,
  'private.vcard(text,text[])': nobody,
  'private.vote(uuid,text[],text)': userAndHost,
  'private.writable_conversation(uuid,text)': nobody,
  'private.are_people(jsonb)': nobody,
  'private.checked_group_arguments(text,jsonb)': nobody,
  'private.group_command(text,text,jsonb,text)': userAndHost,
  'private.reject_call(text,text)': userAndHost,
  'private.acknowledge_messages(uuid,uuid[],bigint[],text[])': host,
  'private.acquire_lease(uuid,uuid,double precision)': host,
  'private.add_counts(jsonb,jsonb)': nobody,
  'private.append_events(uuid,uuid,jsonb)': host,
  'private.announce_command()': nobody,
  'private.apply_early_receipts()': nobody,
  'private.are_interactions(jsonb)': host,
  'private.ask_about_chat(conversations_new,text,jsonb)': nobody,
  'private.assert_lease(uuid,uuid,bigint)': host,
  'private.blank_punctuation(text)': nobody,
  'private.broadcast_events(uuid[],integer)': host,
  'private.block_contact(text,boolean,text)': user,
  'private.claim_commands(uuid,bigint,integer)': host,
  'private.claim_runs(uuid,bigint,integer,integer)': host,
  'private.claim_work(uuid,uuid[],bigint[],integer[],integer[],integer)': host,
  'private.fail_exhausted(uuid,bigint)': host,
  'private.raise_statuses(uuid,uuid[],bigint[],text[],text[],text[],integer)': host,
  'private.read_events(uuid[],bigint[],integer[])': host,
  'private.claim_media_erasures(integer,double precision)': host,
  'private.close_command(uuid,uuid,bigint,bigint,text,jsonb,text)': host,
  'private.command_result(bigint)': userAndHost,
  'private.contact_haystack(text,text,text,text)': anyone,
  'private.contact_sort_name(text,text,text,text)': anyone,
  'private.count_rows_of(uuid)': nobody,
  'private.create_session_stream()': nobody,
  'private.default_session(uuid)': nobody,
  'private.erase_user(uuid,integer)': administrator,
  'private.event_cursor(uuid)': user,
  'private.export_my_data(jsonb,integer)': user,
  'private.export_user(uuid,jsonb,integer)': administrator,
  'private.expire_messages(integer)': host,
  'private.expire_sends(double precision,integer)': host,
  'private.delete_personality(uuid)': user,
  'private.save_personality(uuid,text,text,text)': user,
  'private.set_assistant(text,jsonb)': user,
  'private.fail(integer,text,text)': host,
  'private.find_conversation(uuid,text)': nobody,
  'private.find_result(uuid,text,text)': nobody,
  'private.fingerprint(jsonb)': nobody,
  'private.finish_media_erasure(bigint,integer,boolean)': host,
  'private.fold(text)': anyone,
  'private.get_contact(text)': user,
  'private.get_conversation(text)': user,
  'private.get_group(text)': user,
  'private.group_json(conversations_new,boolean)': nobody,
  'private.haystack_patterns(text)': nobody,
  'private.index_changed_message()': nobody,
  'private.index_messages(uuid[],text[])': host,
  'private.index_missing(uuid)': host,
  'private.index_new_messages()': nobody,
  'private.is_interaction(jsonb)': host,
  'private.keep_early_receipts(uuid,jsonb)': host,
  'private.connection_state()': userAndHost,
  'private.count_sealed()': hostAndService,
  'private.sealed_with(bytea)': hostAndService,
  'private.quarantine_messages(uuid,uuid,bigint,text[],text,text)': host,
  'private.release_quarantined(uuid,uuid,bigint,text[])': host,
  'private.retry_quarantined(uuid,uuid,bigint,integer,text)': host,
  'private.link_state()': userAndHost,
  'private.list_contacts(integer,text,uuid,text,uuid)': user,
  'private.list_conversations(integer,timestamp with time zone,uuid,text,boolean,uuid)': user,
  'private.list_events(uuid,bigint,integer)': user,
  'private.list_groups(integer,timestamp with time zone,uuid,uuid)': user,
  'private.list_messages(text,integer,timestamp with time zone,bigint,timestamp with time zone,bigint)': user,
  'private.likely_media_type(text,text,text)': nobody,
  'private.own_file(uuid,text)': nobody,
  'private.erase_media_of_revoked()': nobody,
  'private.queue_media()': nobody,
  'private.remove_media_of_deleted()': nobody,
  'private.remove_media_of_revoked()': nobody,
  'private.remove_unused_media(uuid,uuid,text[])': host,
  'private.submit_attachments(text,text,jsonb,text,uuid,text)': userAndHost,
  'private.request_media(uuid,text)': userAndHost,
  'private.lock_linked_conversation(uuid,text)': nobody,
  'private.mark_played(uuid)': userAndHost,
  'private.mark_unread(text,text)': userAndHost,
  'private.mark_read(text,text)': userAndHost,
  'private.mark_read_now(text)': nobody,
  'private.message_json(messages_new)': nobody,
  'private.note_last_message(messages_new)': host,
  'private.own_session(uuid,uuid)': nobody,
  'private.raise_receipts(uuid,uuid[],text[],text[],timestamp with time zone[])': host,
  'private.refresh_conversation(uuid)': host,
  'private.refresh_sync(uuid,boolean)': host,
  'private.remember_result(uuid,text,text,jsonb)': nobody,
  'private.request_history(text,integer,text)': userAndHost,
  'private.request_link(text)': userAndHost,
  'private.request_link_now()': nobody,
  'private.request_logout(text)': userAndHost,
  'private.request_pairing_code(text,text)': userAndHost,
  'private.request_logout_now()': nobody,
  'private.require_user()': nobody,
  'private.search_document(uuid,uuid,text,text,timestamp with time zone)': nobody,
  'private.search_hits(uuid,text,uuid,timestamp with time zone,timestamp with time zone,bigint,integer,integer,integer,integer)':
    nobody,
  'private.search_messages(text,text,timestamp with time zone,timestamp with time zone,text,integer,timestamp with time zone,bigint)':
    user,
  'private.search_pattern(jsonb,uuid,text)': nobody,
  'private.search_scope(uuid,integer)': nobody,
  'private.search_snippet(text,text[],text)': nobody,
  'private.search_span(timestamp with time zone)': nobody,
  'private.search_terms(text)': nobody,
  'private.search_words(text)': nobody,
  'private.search_words_of(text[])': host,
  'private.set_chat_state(text,jsonb,text)': userAndHost,
  'private.set_presence(text,text)': userAndHost,
  'private.tell_presence(uuid,text,text,text,timestamp with time zone)': host,
  'private.set_interaction(uuid,uuid,jsonb)': host,
  'private.show_conversations()': nobody,
  'private.start_conversation(text,text)': userAndHost,
  'private.status_rank(text)': host,
  'private.store_group(uuid,uuid,jsonb,jsonb)': host,
  'private.store_messages(uuid,jsonb)': host,
  'private.submit_texts(jsonb)': host,
  'private.submit_message(text,text,text,uuid,text)': userAndHost,
  'private.sync_state()': userAndHost,
  'private.unattended_state()': userAndHost,
  'private.touch_updated_at()': nobody,
  'private.trim(integer)': hostAndService,
  'private.trim_events(interval,bigint,integer)': hostAndService,
  'private.unindex_deleted_messages()': nobody,
  'private.receive_messages(uuid,uuid[],bigint[],bytea[],uuid[],text[],text[],bytea[],uuid[],text[],text[],bytea[],jsonb)':
    host,
  'private.utf16_length(text)': nobody,
  'private.wake_hosts(uuid)': host,
  'private.write_keys_together(uuid,uuid[],bigint[],bytea[],uuid[],text[],text[],bytea[],uuid[],text[],text[],bytea[])':
    host,
}
