import pg from 'pg'

interface OpenCommand {
  id: string
  session_id: string
  kind: string
  payload: Record<string, unknown>
  conversation_id: string | null
  message_id: string | null
}

/** What the session-host does to the database, done by a test: the same role, the same rows, no WhatsApp. */
export interface HostStandIn extends AsyncDisposable {
  query<Row extends pg.QueryResultRow>(sql: string, parameters?: unknown[]): Promise<Row[]>
  /** Resolves with the session's id once its owner has asked for it to run. */
  untilRequested(userId: string): Promise<string>
  showQr(sessionId: string, qr: string): Promise<void>
  setStatus(sessionId: string, status: string, reason?: string): Promise<void>
  link(sessionId: string, phone: string): Promise<void>
  unlink(sessionId: string): Promise<void>
  /** A session that is linked and connected. */
  linkedSession(userId: string, phone: string): Promise<string>
  addConversation(sessionId: string, conversation: NewConversation): Promise<string>
  addMessage(conversationId: string, message: NewMessage): Promise<string>
  /** Resolves with the oldest open command of a kind once there is one. */
  untilCommand(userId: string, kind: string): Promise<OpenCommand>
  finish(command: OpenCommand, result: Record<string, unknown>): Promise<void>
  fail(command: OpenCommand, code: string): Promise<void>
}

interface NewConversation {
  jid: string
  /** Further JIDs of the same person. */
  aliases?: string[]
  name?: string | null
  at?: string
  archived?: boolean
}

interface NewMessage {
  text: string
  at: string
  fromMe?: boolean
}

/** Logs in as `session_host` and listens for what wakes hosts. */
export async function createHostStandIn(databaseUrl: string): Promise<HostStandIn> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 })
  const listener = new pg.Client({ connectionString: databaseUrl })
  await listener.connect()
  await listener.query('listen session_wake')

  const query = async <Row extends pg.QueryResultRow>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    (await pool.query<Row>(sql, parameters)).rows

  /** Reads now and after every wake, until there is a row. */
  async function untilRow<Row extends pg.QueryResultRow>(sql: string, parameters: unknown[]): Promise<Row> {
    for (;;) {
      const woken = new Promise((resolve) => listener.once('notification', resolve))
      const [row] = await query<Row>(sql, parameters)
      if (row) return row
      await woken
    }
  }

  async function close(command: OpenCommand, status: string, result: unknown, code: string | null): Promise<void> {
    await query(
      'update private.session_commands set status = $2, result = $3, error_code = $4, finished_at = now() where id = $1',
      [command.id, status, result, code],
    )
  }

  return {
    query,
    untilRequested: async (userId) =>
      (
        await untilRow<{ id: string }>(
          `select id from public.whatsapp_sessions where user_id = $1 and desired = 'running'`,
          [userId],
        )
      ).id,
    async showQr(sessionId, qr) {
      await query(
        `insert into private.linking_attempts (session_id, qr, qr_expires_at) values ($1, $2, now() + interval '20 seconds')
           on conflict (session_id) do update set qr = excluded.qr, qr_expires_at = excluded.qr_expires_at`,
        [sessionId, qr],
      )
    },
    async setStatus(sessionId, status, reason) {
      await query(
        `update public.whatsapp_sessions set status = $2, status_reason = $3,
           desired = case when $2 in ('unlinked', 'logged_out', 'stopped') then 'stopped' else desired end where id = $1`,
        [sessionId, status, reason ?? null],
      )
    },
    async link(sessionId, phone) {
      await query('delete from private.linking_attempts where session_id = $1', [sessionId])
      await query(
        `update public.whatsapp_sessions set status = 'connected', status_reason = null, linked_at = now(), phone = $2,
           push_name = 'María' where id = $1`,
        [sessionId, phone],
      )
    },
    async unlink(sessionId) {
      await query(
        `update public.whatsapp_sessions set status = 'logged_out', status_reason = 'logout_requested', linked_at = null,
           desired = 'stopped' where id = $1`,
        [sessionId],
      )
    },
    async linkedSession(userId, phone) {
      const [row] = await query<{ id: string }>(
        `insert into public.whatsapp_sessions (user_id, desired, status, linked_at, phone)
           values ($1, 'running', 'connected', now(), $2) returning id`,
        [userId, phone],
      )
      return row?.id ?? ''
    },
    async addConversation(sessionId, { jid, aliases = [], name = null, at, archived = false }) {
      const [row] = await query<{ id: string }>(
        `with person as (
             insert into public.contacts (user_id, session_id, name, phone)
               select user_id, id, $3, substring($2 from '^([0-9]{5,20})@s[.]whatsapp[.]net$') from public.whatsapp_sessions where id = $1 returning id, user_id, session_id),
           identities as (
             insert into public.contact_identities (session_id, jid, contact_id, user_id)
               select person.session_id, jid, person.id, person.user_id from person, unnest($6::text[]) as jid)
         insert into public.conversations_new
             (user_id, session_id, contact_id, external_id, contact_name, last_message_at, archived)
           select user_id, session_id, id, $2, $3, $4, $5 from person returning id`,
        [sessionId, jid, name, at ?? null, archived, [jid, ...aliases]],
      )
      return row?.id ?? ''
    },
    async addMessage(conversationId, { text, at, fromMe = false }) {
      const [row] = await query<{ id: string }>(
        `insert into public.messages_new
             (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
           select id, user_id, session_id, 'user', 'text', $2, $3, case when $3 then 'sent' else 'received' end,
               gen_random_uuid()::text, $4
             from public.conversations_new where id = $1 returning id`,
        [conversationId, text, fromMe, at],
      )
      return row?.id ?? ''
    },
    untilCommand: (userId, kind) =>
      untilRow<OpenCommand>(
        `select id, session_id, kind, payload, conversation_id, message_id from private.session_commands
           where user_id = $1 and kind = $2 and status = 'queued' order by id limit 1`,
        [userId, kind],
      ),
    finish: (command, result) => close(command, 'done', result, null),
    fail: (command, code) => close(command, 'dead', null, code),
    async [Symbol.asyncDispose]() {
      await listener.end()
      await pool.end()
    },
  }
}
