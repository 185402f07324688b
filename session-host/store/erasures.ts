import type { Database } from './database.ts'

/** A user's files that are to be deleted: all objects under `mediaPrefix` (`<user id>/`) of the bucket of media. */
export interface MediaErasure {
  id: number
  mediaPrefix: string
}

/** The command erase_media, which private.erase_user leaves behind when the rows are gone. */
export interface ErasureStore {
  /** Claims the next one for `seconds`; null when none is due. What is not finished until then may be claimed again, also elsewhere. */
  claim(seconds: number): Promise<MediaErasure | null>
  /** Reports how many objects went. Not done: due again in a minute, given up after 20 claims. */
  finish(id: number, report: { removed: number; done: boolean }): Promise<void>
}

/** @see ErasureStore */
export function createErasureStore(database: Database): ErasureStore {
  return {
    async claim(seconds) {
      const [row] = await database.query<{ id: number; media_prefix: string }>(
        'select id, media_prefix from private.claim_media_erasures(1, $1)',
        [seconds],
      )
      return row ? { id: row.id, mediaPrefix: row.media_prefix } : null
    },
    async finish(id, { removed, done }) {
      await database.query('select private.finish_media_erasure($1, $2, $3)', [id, removed, done])
    },
  }
}
