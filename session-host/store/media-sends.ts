import type { MessageType } from '#shared/message.ts'
import { appendEvents } from './append-events.ts'
import type { Database } from './database.ts'
import { fenced, type Lease } from './fenced.ts'
import { keepProtos, sealedAs, type KeptProto, type ProtoBox } from './message-protos.ts'

/** A file that is to be sent, as its user asked for it. */
export interface OutgoingFile {
  messageId: string
  /** What it is to be sent as; null for what it is. */
  type: 'image' | 'video' | 'gif' | 'video_note' | 'audio' | 'voice' | 'document' | 'sticker' | null
  /** Where it lies in Storage; null until it is fetched. */
  path: string | null
  url: string | null
  fileName: string | null
  caption: string | null
  /** What left already, a proto.Message encoded: sent again as it is. */
  proto: Buffer | null
}

/** What the host found out about it. */
export interface SentFileFacts {
  messageType: MessageType
  mimeType: string
  sizeBytes: number
  sha256: string
  fileName: string | null
  durationSeconds: number | null
  width: number | null
  height: number | null
  waveform: number[] | null
  /** A small JPEG. */
  thumbnail: Buffer | null
}

export interface MediaSends {
  /** The file of a message of ours; null for one without. */
  read(messageId: string): Promise<OutgoingFile | null>
  /** What was fetched from an address lies at `path` now. */
  fetched(messageId: string, path: string): Promise<void>
  /** The message is made: kept for sending it again, its row says what it is. Both or neither. */
  made(messageId: string, proto: Uint8Array, facts: SentFileFacts): Promise<void>
}

/** What a session sends, bound to its lease. */
export function createMediaSends(database: Database, lease: Lease, protos: ProtoBox): MediaSends {
  return {
    async read(messageId) {
      const [row] = await database.query<OutgoingFile & KeptProto>(
        `select s.message_id as "messageId", s.type, m.media_url as path, s.url, s.file_name as "fileName",
             m.text_content as caption, p.proto, ${sealedAs} as "sealedAs"
           from private.media_sends s
           join public.messages_new m on m.id = s.message_id
           left join private.message_protos p on p.message_id = s.message_id
           where s.message_id = $1 and m.session_id = $2`,
        [messageId, lease.sessionId],
      )
      if (!row) return null
      const { sealedAs: name, ...file } = row
      return { ...file, proto: protos.open({ proto: file.proto, sealedAs: name }) }
    },
    fetched: (messageId, path) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update public.messages_new set media_url = $3, media_status = 'stored' where id = $1 and session_id = $2`,
          [messageId, lease.sessionId, path],
        )
      }),
    made: (messageId, proto, facts) =>
      fenced(database, lease, async (transaction) => {
        const rows = await transaction.query<{ conversation_id: string; wa_id: string }>(
          `update public.messages_new set message_type = $3, media_mime_type = $4, media_size_bytes = $5, media_sha256 = $6,
               media_file_name = $7, media_duration_seconds = $8, media_width = $9, media_height = $10, media_waveform = $11,
               content = content || jsonb_strip_nulls(jsonb_build_object('thumbnail', $12::text))
             where id = $1 and session_id = $2 returning conversation_id, wa_id`,
          [
            messageId,
            lease.sessionId,
            facts.messageType,
            facts.mimeType.split(';')[0],
            facts.sizeBytes,
            facts.sha256,
            facts.fileName,
            facts.durationSeconds,
            facts.width,
            facts.height,
            facts.waveform,
            facts.thumbnail?.toString('base64') ?? null,
          ],
        )
        await transaction.query(
          `update public.conversations_new c set last_message_type = $2 where c.last_message_id = $1`,
          [messageId, facts.messageType],
        )
        await keepProtos(
          transaction,
          { ...lease, protos },
          rows.map((row) => ({ messageId, waId: row.wa_id, proto })),
        )
        await appendEvents(
          transaction,
          lease,
          rows.map(({ conversation_id }) => ({
            type: 'message.updated' as const,
            data: { conversation_id, message_id: messageId },
          })),
        )
      }),
  }
}
