/**
 * Who may do what, as data. Each table, view and function of the schemas `public` and `private` has a row here; one without fails
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

  'private.conversation_merges': hostTable,
  'private.idempotency_keys': {},
  'private.inbox': hostTable,
  'private.linking_attempts': hostTable,
  'private.session_commands': {
    session_host: { select: 'every column', insert: 'every column', update: 'every column' },
  },
  'private.session_leases': hostTable,
  'private.session_streams': { session_host: { select: 'every column', update: 'every column' } },
  'private.socket_connections': hostTable,
  'private.whatsapp_credentials': hostTable,
  'private.whatsapp_keys': hostTable,
}

const user = { execute: ['authenticated'] } as const
const userAndHost = { execute: ['authenticated', 'session_host'] } as const
const host = { execute: ['session_host'] } as const
const nobody = { execute: [] } as const

export const functions: Record<string, FunctionRow> = {
  'public.command_result(bigint)': {
    ...user,
    call: ({ commandId }) => ({ p_command_id: commandId }),
    stranger: 'not_found',
  },
  'public.get_conversation(text)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.link_state()': { ...user, call: () => ({}) },
  'public.list_conversations(integer,timestamp with time zone,uuid,text,boolean,uuid)': {
    ...user,
    call: ({ sessionId }) => ({ p_session_id: sessionId }),
  },
  'public.list_messages(text,integer,timestamp with time zone,bigint,timestamp with time zone,bigint)': {
    ...user,
    call: ({ conversationId }) => ({ p_conversation: conversationId }),
    stranger: 'conversation_not_found',
  },
  'public.logout()': { ...user, call: () => ({}) },
  'public.mark_read(text)': {
    ...user,
    call: ({ jid }) => ({ p_conversation: jid }),
    stranger: 'conversation_not_found',
  },
  'public.request_link()': { ...user, call: () => ({}) },
  'public.start_conversation(text)': { ...user, call: ({ jid }) => ({ p_jid: jid }) },
  'public.submit_message(text,text,text,uuid,text)': {
    ...user,
    call: ({ conversationId, messageId }) => ({
      p_conversation: conversationId,
      p_text: 'hello',
      p_reply_to: messageId,
    }),
    stranger: 'conversation_not_found',
  },

  'private.acquire_lease(uuid,uuid,double precision)': host,
  'private.append_events(uuid,uuid,jsonb)': host,
  'private.assert_lease(uuid,uuid,bigint)': host,
  'private.broadcast_session_events()': nobody,
  'private.claim_commands(uuid,bigint,integer)': host,
  'private.command_result(bigint)': userAndHost,
  'private.create_session_stream()': nobody,
  'private.default_session(uuid)': nobody,
  'private.fail(integer,text,text)': host,
  'private.find_conversation(uuid,text)': nobody,
  'private.get_conversation(text)': user,
  'private.link_state()': userAndHost,
  'private.list_messages(text,integer,timestamp with time zone,bigint,timestamp with time zone,bigint)': user,
  'private.mark_read(text)': userAndHost,
  'private.message_json(messages_new)': nobody,
  'private.note_last_message(messages_new)': host,
  'private.request_link()': userAndHost,
  'private.request_logout()': userAndHost,
  'private.require_user()': nobody,
  'private.start_conversation(text)': userAndHost,
  'private.status_rank(text)': host,
  'private.submit_message(text,text,text,uuid,text)': userAndHost,
  'private.touch_updated_at()': nobody,
  'private.wake_hosts(uuid)': host,
  'private.write_keys(uuid,uuid,bigint,bytea,text[],text[],bytea[],text[],text[],bytea[])': host,
}
