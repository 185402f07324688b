import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { UserBroadcast } from './frame.ts'

/** What `realtime.send()` wrote and committed. */
export interface StoredMessage {
  topic: string
  private: boolean
  broadcast: UserBroadcast
}

export interface FeedOptions {
  databaseUrl: string
  /** Takes the messages, in the order of their commits. */
  deliver: (message: StoredMessage) => void
  /** The connection broke: messages committed until the next `ready` are lost. */
  interrupted: () => void
  log: (line: string) => void
}

export interface Feed extends AsyncDisposable {
  /** Resolves once everything that is committed from now on is delivered. Connects at the first call. */
  ready(): Promise<void>
}

const hour = 3_600_000

/** Reads `realtime.messages` as rows are committed: NOTIFY brings the ids. Rows go after three days, as on the platform. */
export function createFeed({ databaseUrl, deliver, interrupted, log }: FeedOptions): Feed {
  const id = randomUUID()
  const waiting: string[] = []
  let disposed = false
  let listening: Promise<pg.Client> | undefined
  let reading: Promise<void> | undefined
  const sweeper = setInterval(() => void sweep(), hour)
  sweeper.unref()

  async function listen(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: databaseUrl, application_name: 'realtime' })
    client.on('error', () => {})
    client.on('notification', ({ payload = '' }) => {
      waiting.push(...payload.split(','))
      reading ??= read(client).finally(() => (reading = undefined))
    })
    try {
      await client.connect()
      await client.query('listen realtime_messages')
      // The lock waits for the transactions that were writing while nobody listened; those after it see the listener.
      await client.query(
        `begin; set local lock_timeout = '5s'; lock table realtime.messages in share mode;
         insert into realtime.embedded_listeners (id) values ('${id}') on conflict do nothing; commit`,
      )
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
    client.once('end', () => {
      if (disposed) return
      listening = undefined
      waiting.length = 0
      log('realtime: the connection that listens was lost')
      interrupted()
    })
    return client
  }

  /** All that is waiting, in batches. */
  async function read(client: pg.Client): Promise<void> {
    while (waiting.length > 0) {
      const ids = waiting.splice(0, 500)
      try {
        const { rows } = await client.query<Row>(
          `select m.id, m.topic, m.event, m.private, m.payload::text as payload, m.binary_payload
           from unnest($1::uuid[]) with ordinality as told(id, n) join realtime.messages m using (id) order by told.n`,
          [ids],
        )
        for (const row of rows) deliver(toMessage(row))
      } catch (error) {
        if (!disposed) log(`realtime: messages were not read: ${(error as Error).message}`)
      }
    }
  }

  async function sweep(): Promise<void> {
    try {
      const client = await listening
      await client?.query(`delete from realtime.messages where inserted_at < now() - interval '3 days'`)
    } catch (error) {
      log(`realtime: old messages were not removed: ${(error as Error).message}`)
    }
  }

  return {
    async ready() {
      for (let attempt = 1; ; attempt++) {
        try {
          listening ??= listen()
          await listening
          return
        } catch (error) {
          listening = undefined
          if (disposed || attempt === 3) throw error
          await delay(200 * attempt)
        }
      }
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      clearInterval(sweeper)
      const client = await listening?.catch(() => undefined)
      if (!client) return
      await reading
      await client.query('delete from realtime.embedded_listeners where id = $1', [id]).catch(() => {})
      await client.end()
    },
  }
}

interface Row {
  id: string
  topic: string
  event: string
  private: boolean | null
  payload: string | null
  binary_payload: Buffer | null
}

function toMessage({ id, topic, event, private: isPrivate, payload, binary_payload: binary }: Row): StoredMessage {
  const broadcast = binary
    ? new UserBroadcast(event, 'binary', binary, id)
    : new UserBroadcast(event, 'json', Buffer.from(payload ?? 'null'), id)
  return { topic, private: isPrivate ?? false, broadcast }
}
