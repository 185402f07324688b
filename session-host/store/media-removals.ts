import type { Database } from './database.ts'

/** Files in Storage that no message shows any more. Any number of hosts may work on them at once. */
export interface MediaRemovals {
  /** Takes up to so many that are due and counts the try; what is not reported as done is due again later. */
  claim(limit: number): Promise<string[]>
  done(path: string): Promise<void>
}

/** @see MediaRemovals */
export function createMediaRemovals(database: Database): MediaRemovals {
  return {
    async claim(limit) {
      const rows = await database.query<{ path: string }>(
        `update private.media_removals r set attempts = r.attempts + 1,
             next_attempt_at = now() + make_interval(secs => least(86400, 60 * 2 ^ least(r.attempts, 11)))
           from (
             select path from private.media_removals where next_attempt_at <= now()
               order by next_attempt_at limit $1 for update skip locked) due
           where r.path = due.path
           returning r.path`,
        [limit],
      )
      return rows.map(({ path }) => path)
    },
    async done(path) {
      await database.query('delete from private.media_removals where path = $1', [path])
    },
  }
}
