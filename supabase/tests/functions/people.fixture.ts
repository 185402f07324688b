import { randomUUID } from 'node:crypto'
import type pg from 'pg'
import { createTestStack } from '../../local/create-test-stack.ts'
import { connect } from '../../local/postgres/bootstrap-database.ts'

type Row = Record<string, unknown>

/** A user with a linked session. */
export interface Person {
  id: string
  session: string
}

export interface NewMessage {
  text: string | null
  at?: string
  type?: string
  fromMe?: boolean
  status?: string
}

/** A database of its own, and what tests of its functions do to it. */
export interface People extends AsyncDisposable {
  stack: Awaited<ReturnType<typeof createTestStack>>
  /** Logged in as the owner of what migrations make. */
  admin: pg.Client
  /** Logged in as session_host. */
  host: pg.Client
  query<R extends Row = Row>(text: string, values?: unknown[]): Promise<R[]>
  /** Runs one statement as a signed-in user would through PostgREST, and commits it. */
  as<R extends Row = Row>(userId: string | null, text: string, values?: unknown[]): Promise<R[]>
  /** The hint of the error that a statement of a user fails with. */
  failureOf(userId: string | null, text: string, values?: unknown[]): Promise<string | undefined>
  person(): Promise<Person>
  /** A conversation with somebody, or a group. */
  conversation(person: Person, options?: { name?: string | null; phone?: string; group?: boolean }): Promise<string>
  message(person: Person, conversation: string, message: NewMessage): Promise<string>
}

/** @see People */
export async function startPeople(): Promise<People> {
  await using started = new AsyncDisposableStack()
  const stack = started.use(await createTestStack())
  const admin = started.use(await connect(stack.adminDatabaseUrl)).client
  const host = started.use(await connect(stack.databaseUrl)).client
  const users = started.use(await connect(stack.adminDatabaseUrl)).client
  let phone = 34_600_000_000
  let emails = 0

  const query = async <R extends Row>(text: string, values: unknown[] = []): Promise<R[]> =>
    (await admin.query<R>(text, values)).rows

  async function asUser<R extends Row>(userId: string | null, text: string, values: unknown[] = []): Promise<R[]> {
    await users.query('begin')
    try {
      await users.query(`select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)`, [
        userId === null ? 'service_role' : 'authenticated',
        JSON.stringify(userId === null ? { role: 'service_role' } : { role: 'authenticated', sub: userId }),
      ])
      const { rows } = await users.query<R>(text, values)
      await users.query('commit')
      return rows
    } catch (error) {
      await users.query('rollback')
      throw error
    }
  }

  const running = started.move()
  return {
    stack,
    admin,
    host,
    query,
    as: asUser,
    async failureOf(userId, text, values) {
      return asUser(userId, text, values).then(
        () => undefined,
        (error: { hint?: string; code?: string }) => error.hint ?? error.code,
      )
    },
    async person() {
      emails += 1
      const { id } = await stack.createUser({ email: `person${emails}@example.com`, password: `password-${emails}` })
      const [row] = await query<{ id: string }>(
        `insert into public.whatsapp_sessions (user_id, desired, status, linked_at) values ($1, 'running', 'connected', now()) returning id`,
        [id],
      )
      return { id, session: row?.id ?? '' }
    },
    async conversation({ id, session }, { name = null, phone: given, group = false } = {}) {
      phone += 1
      const number = given ?? String(phone)
      const [row] = group
        ? await query<{ id: string }>(
            `insert into public.conversations_new (user_id, session_id, kind, external_id, contact_name)
               values ($1, $2, 'group', $3, $4) returning id`,
            [id, session, `${number}@g.us`, name],
          )
        : await query<{ id: string }>(
            `with person as (
                 insert into public.contacts (user_id, session_id, name, phone) values ($1, $2, $4, $3) returning id),
               identity as (
                 insert into public.contact_identities (session_id, jid, contact_id, user_id)
                   select $2, $3 || '@s.whatsapp.net', id, $1 from person)
             insert into public.conversations_new (user_id, session_id, contact_id, external_id, contact_name)
               select $1, $2, id, $3 || '@s.whatsapp.net', $4 from person returning id`,
            [id, session, number, name],
          )
      return row?.id ?? ''
    },
    async message(
      { id, session },
      conversation,
      { text, at = '2025-01-20T10:00:00Z', type = 'text', fromMe = false, status },
    ) {
      const [row] = await query<{ id: string }>(
        `insert into public.messages_new
             (conversation_id, user_id, session_id, sender_type, message_type, text_content, from_me, status, wa_id, created_at)
           values ($1, $2, $3, 'user', $4, $5, $6, $7, $8, $9) returning id`,
        [conversation, id, session, type, text, fromMe, status ?? (fromMe ? 'sent' : 'received'), randomUUID(), at],
      )
      return row?.id ?? ''
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
