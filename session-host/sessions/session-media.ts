import type { MediaAccess, MediaAnswer } from '../whatsapp/media-access.ts'

/** What a session does with the files of its messages. */
export interface SessionMedia {
  /** There may be something to fetch. */
  wake(): void
  /** The phone has answered a request for a file. */
  answered(answer: MediaAnswer): Promise<void>
  stop(): Promise<void>
}

/** Makes it for one session; `access` is the open connection, or null while there is none. */
export type CreateSessionMedia = (access: () => MediaAccess | null) => SessionMedia
