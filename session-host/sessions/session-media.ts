import type { ErrorCode } from '#shared/errors.ts'
import type { FileToSend } from '../whatsapp/send-media.ts'
import type { MediaAccess, MediaAnswer } from '../whatsapp/media-access.ts'

/** What a session does with the files of its messages. */
export interface SessionMedia {
  /** There may be something to fetch. */
  wake(): void
  /** The phone has answered a request for a file. */
  answered(answer: MediaAnswer): Promise<void>
  /**
   * The message of a file that is to be sent, encoded; uploaded with `upload` unless that was done before. Fails for good with a code;
   * what is thrown may pass.
   */
  make(messageId: string, upload: (file: FileToSend) => Promise<Uint8Array>): Promise<MadeMessage>
  stop(): Promise<void>
}

export type MadeMessage =
  | { kind: 'made'; proto: Uint8Array }
  /** The message has no file to send. */
  | { kind: 'none' }
  | { kind: 'failed'; code: ErrorCode }

/** Makes it for one session; `access` is the open connection, or null while there is none. */
export type CreateSessionMedia = (access: () => MediaAccess | null) => SessionMedia
