import type { ErrorCode } from '#shared/errors.ts'
import { appendEvents } from './append-events.ts'
import type { Database } from './database.ts'
import { fenced, type Lease } from './fenced.ts'
import { sealedAs, type KeptProto, type ProtoBox } from './message-protos.ts'

/** A medium that is to be fetched now. */
export interface PendingMedia {
  messageId: string
  /** The chat's JID, for asking the phone. */
  chat: string
  waId: string
  fromMe: boolean
  sender: string | null
  sizeBytes: number | null
  sha256: string | null
  mimeType: string | null
  fileName: string | null
  /** The proto.Message that announced it, encoded; null when it can't be opened. */
  proto: Buffer | null
  attempts: number
  asked: number
  /** Where the phone has uploaded it again, if it has. */
  directPath: string | null
}

export interface MediaDownloads {
  /**
   * Takes up to `limit` media that are due, but for those of `except`, and counts the try; `eager` takes also what nobody asked for.
   * A try that nobody reports on is due again later.
   */
  begin(options: { limit: number; eager: boolean; except: string[] }): Promise<PendingMedia[]>
  /** Seconds until the next is due; null when none waits. */
  secondsToNext(eager: boolean): Promise<number | null>
  /** The same file of the same user, if it was fetched already, with the newest messages that announced it. */
  findStored(sha256: string): Promise<{ path: string; mimeType: string | null; proto: Buffer | null }[]>
  /**
   * The medium is at `path`. unwanted: the message has gone, or was deleted. gone: the file, which is another message's (`shared`), has
   * gone meanwhile.
   */
  stored(
    messageId: string,
    file: { path: string; shared: boolean; sizeBytes: number | null; mimeType: string | null },
  ): Promise<'stored' | 'unwanted' | 'gone'>
  /** Given up: the message says why. */
  gaveUp(messageId: string, status: 'failed' | 'expired', code: ErrorCode): Promise<void>
  /** Not before so many seconds; `asked` says that the phone was asked for it. */
  postpone(messageId: string, seconds: number, asked: boolean): Promise<void>
  /** What waits for an answer of the phone about this message. */
  findAsked(waId: string): Promise<{ messageId: string; proto: Buffer | null }[]>
  /** The phone has uploaded it again. */
  moved(messageId: string, directPath: string): Promise<void>
}

/** The queue of media of one session, bound to its lease. */
export function createMediaDownloads(database: Database, lease: Lease, protos: ProtoBox): MediaDownloads {
  const { sessionId } = lease

  function opened<Row extends KeptProto>({ sealedAs: name, ...row }: Row): Omit<Row, 'sealedAs'> {
    return { ...row, proto: protos.open({ proto: row.proto, sealedAs: name }) }
  }

  return {
    begin: ({ limit, eager, except }) =>
      fenced(database, lease, async (transaction) => {
        const rows = await transaction.query<PendingMedia & KeptProto>(
          `with due as (
             select d.message_id from private.media_downloads d
               join public.messages_new m on m.id = d.message_id and m.media_status = 'pending'
               where d.session_id = $1 and d.next_attempt_at <= now() and (d.requested or $3)
                 and not d.message_id = any($4::uuid[])
               order by d.next_attempt_at limit $2),
           begun as (
             -- Longer each time: 20 seconds, a minute, … an hour.
             update private.media_downloads d set attempts = d.attempts + 1,
                 next_attempt_at = now() + make_interval(secs => least(3600, 20 * 3 ^ least(d.attempts, 6)))
               from due where d.message_id = due.message_id
               returning d.*)
           select b.message_id as "messageId", c.external_id as chat, m.wa_id as "waId", m.from_me as "fromMe",
               m.sender_jid as sender, m.media_size_bytes::float8 as "sizeBytes", m.media_sha256 as sha256,
               m.media_mime_type as "mimeType", m.media_file_name as "fileName", p.proto, ${sealedAs} as "sealedAs", b.attempts, b.asked,
               b.direct_path as "directPath"
             from begun b
             join public.messages_new m on m.id = b.message_id
             join public.conversations_new c on c.id = m.conversation_id
             join private.message_protos p on p.message_id = b.message_id
             order by m.ordinal`,
          [sessionId, limit, eager, except],
        )
        return rows.map(opened)
      }),
    async secondsToNext(eager) {
      const [row] = await database.query<{ seconds: number | null }>(
        `select extract(epoch from min(next_attempt_at) - now())::float8 as seconds
           from private.media_downloads where session_id = $1 and (requested or $2)`,
        [sessionId, eager],
      )
      return row?.seconds ?? null
    },
    async findStored(sha256) {
      const rows = await database.query<{ path: string; mimeType: string | null } & KeptProto>(
        `select m.media_url as path, m.media_mime_type as "mimeType", p.proto, ${sealedAs} as "sealedAs"
           from public.messages_new m left join private.message_protos p on p.message_id = m.id
           where m.user_id = $1 and m.media_sha256 = $2 and m.media_status = 'stored' and m.media_url like $3
           order by m.ordinal desc limit 20`,
        [lease.userId, sha256, `${lease.userId}/in/%`],
      )
      return rows.map(opened)
    },
    stored: (messageId, { path, shared, sizeBytes, mimeType }) =>
      fenced(database, lease, async (transaction) => {
        // Held until the end, so that the file's last message does not go, and the file with it, while this becomes one more.
        const holders = shared
          ? await transaction.query(
              `select 1 from public.messages_new where user_id = $1 and media_url = $2 and media_status = 'stored' limit 1 for share`,
              [lease.userId, path],
            )
          : []
        if (shared && holders.length === 0) return 'gone'
        const rows = await transaction.query<{ conversation_id: string }>(
          `update public.messages_new set media_status = 'stored', media_url = $3, error_code = null,
               media_size_bytes = coalesce($4, media_size_bytes), media_mime_type = coalesce($5, media_mime_type)
             where id = $1 and session_id = $2 and media_status = 'pending' and revoked_at is null
             returning conversation_id`,
          [messageId, sessionId, path, sizeBytes, mimeType],
        )
        await transaction.query('delete from private.media_downloads where message_id = $1', [messageId])
        await appendEvents(transaction, lease, updated(messageId, rows))
        return rows.length > 0 ? 'stored' : 'unwanted'
      }),
    gaveUp: (messageId, status, code) =>
      fenced(database, lease, async (transaction) => {
        const rows = await transaction.query<{ conversation_id: string }>(
          `update public.messages_new set media_status = $3, error_code = $4
             where id = $1 and session_id = $2 and media_status = 'pending' returning conversation_id`,
          [messageId, sessionId, status, code],
        )
        await transaction.query('delete from private.media_downloads where message_id = $1', [messageId])
        await appendEvents(transaction, lease, updated(messageId, rows))
      }),
    postpone: (messageId, seconds, asked) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.media_downloads set next_attempt_at = now() + make_interval(secs => $3), asked = asked + $4
             where message_id = $1 and session_id = $2`,
          [messageId, sessionId, seconds, asked ? 1 : 0],
        )
      }),
    async findAsked(waId) {
      const rows = await database.query<{ messageId: string } & KeptProto>(
        `select d.message_id as "messageId", p.proto, ${sealedAs} as "sealedAs"
           from public.messages_new m
           join private.media_downloads d on d.message_id = m.id and d.asked > 0
           join private.message_protos p on p.message_id = m.id
           where m.session_id = $1 and m.wa_id = $2`,
        [sessionId, waId],
      )
      return rows.map(opened)
    },
    moved: (messageId, directPath) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.media_downloads set direct_path = $3, next_attempt_at = now()
             where message_id = $1 and session_id = $2`,
          [messageId, sessionId, directPath],
        )
      }),
  }
}

function updated(messageId: string, rows: { conversation_id: string }[]) {
  return rows.map(({ conversation_id }) => ({
    type: 'message.updated' as const,
    data: { conversation_id, message_id: messageId },
  }))
}
