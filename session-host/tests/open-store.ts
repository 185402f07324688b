import { randomUUID } from 'node:crypto'
import { emptyBatch, type InboundBatch, type InboundMessage } from '#shared/inbound.ts'
import { createTestStack } from '../../supabase/local/create-test-stack.ts'
import { createCommandStore, type CommandStore } from '../store/commands.ts'
import { createCredentialStore, type CredentialStore } from '../store/credentials.ts'
import { createDatabase, type Database } from '../store/database.ts'
import type { Lease } from '../store/fenced.ts'
import { createLeaseStore } from '../store/leases.ts'
import { createProjection, type Projection } from '../store/projection.ts'
import { createSealedBox } from '../store/sealed-box.ts'
import { createSessionStore, type SessionStore } from '../store/sessions.ts'
import { createUserRequests, type UserRequests } from '../store/user-requests.ts'
import { createDatabaseWatch, type DatabaseWatch } from './database-watch.ts'

/** The store of one linked session on a real database, without a host. */
export interface OpenStore extends AsyncDisposable {
  lease: Lease
  database: Database
  watch: DatabaseWatch
  projection: Projection
  commands: CommandStore
  credentials: CredentialStore
  sessions: SessionStore
  requests: UserRequests
  /** Projects what is given, the rest empty. */
  project(content: Partial<InboundBatch>): Promise<void>
  /** External ids of all conversations, with their texts in order. */
  conversations(): Promise<{ external_id: string; name: string | null; unread: number; texts: (string | null)[] }[]>
}

/** @see OpenStore */
export async function openStore(): Promise<OpenStore> {
  await using started = new AsyncDisposableStack()
  const stack = started.use(await createTestStack())
  const watch = started.use(await createDatabaseWatch(stack.adminDatabaseUrl))
  const database = started.use(createDatabase({ url: stack.databaseUrl, maxConnections: 6, onError: () => undefined }))
  const { id: userId } = await stack.createUser({ email: 'store@example.com', password: 'secret-password' })
  const [session] = await watch.query<{ id: string; user_id: string }>(
    `insert into public.whatsapp_sessions (user_id, desired, status, phone, linked_at)
       values ($1, 'running', 'connected', '34600000001', now()) returning id, user_id`,
    [userId],
  )
  if (!session) throw new Error('no session')
  const lease = await createLeaseStore(database, { holder: randomUUID(), seconds: 3_600 }).acquire(session)
  if (!lease) throw new Error('no lease')
  const box = createSealedBox([{ id: 'k', key: Buffer.alloc(32, 7) }])
  const projection = createProjection(database, lease)
  const running = started.move()
  return {
    lease,
    database,
    watch,
    projection,
    commands: createCommandStore(database, lease),
    credentials: createCredentialStore(database, box, lease),
    sessions: createSessionStore(database, box, lease, 3_600),
    requests: createUserRequests(database),
    project: (content) => projection.project({ ...emptyBatch(), ...content }),
    conversations: () =>
      watch.query(
        `select c.external_id, c.contact_name as name, c.unread_count as unread,
             coalesce((select array_agg(m.text_content order by m.created_at, m.ordinal)
               from public.messages_new m where m.conversation_id = c.id), '{}') as texts
           from public.conversations_new c order by c.created_at, c.id`,
      ),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** A live incoming text. */
export function incoming(chat: string, waId: string, more: Partial<InboundMessage> = {}): InboundMessage {
  return {
    chat,
    waId,
    fromMe: false,
    at: 1_700_000_000,
    type: 'text',
    text: waId,
    status: 'received',
    live: true,
    ...more,
  }
}
