import type { Database } from './database.ts'

/** Messages a call at most; when as many went, there may be more. */
const mostMessages = 1_000

export interface ExpirerOptions {
  /** Looks for messages whose time has come this often, in ms. */
  everyMs: number
  /** Rows of a session went, and its event log says so. */
  onChange: (sessionId: string) => void
  onError: (error: unknown) => void
}

/** Deletes disappearing messages when their time has come. Any number of hosts may do so at once. */
export function createExpirer(database: Database, { everyMs, onChange, onError }: ExpirerOptions): AsyncDisposable {
  let running: Promise<void> | undefined
  const timer = setInterval(() => {
    running ??= expire()
      .catch(onError)
      .finally(() => {
        running = undefined
      })
  }, everyMs)

  async function expire(): Promise<void> {
    // One at a time goes over the index's first entry when there is nothing to do.
    const [due] = await database.query('select 1 from public.messages_new where expires_at <= now() limit 1')
    if (!due) return
    const rows = await database.query<{ id: string }>('select private.expire_messages($1) as id', [mostMessages])
    for (const { id } of rows) onChange(id)
  }

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
