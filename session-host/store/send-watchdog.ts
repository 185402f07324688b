import type { Database } from './database.ts'

/** Messages a call at most; when as many failed, the next look finds the others. */
const mostMessages = 1_000

export interface SendWatchdogOptions {
  /** A message that waits longer fails, in ms from its submission; 0: never. */
  deadlineMs: number
  /** A message of the session failed, and its event log says so. */
  onChange: (sessionId: string) => void
  onError: (error: unknown) => void
}

/**
 * Fails messages that could not be sent in time (`send_timeout`), of every session of the database, also of those that nobody runs, and
 * at once after a time in which there was no host. Any number of hosts may do so at once.
 */
export function createSendWatchdog(
  database: Database,
  { deadlineMs, onChange, onError }: SendWatchdogOptions,
): AsyncDisposable {
  let running: Promise<void> | undefined
  const timer = deadlineMs > 0 ? setInterval(look, Math.min(Math.max(deadlineMs / 10, 250), 10_000)) : undefined
  if (timer) look()

  function look(): void {
    running ??= expire()
      .catch(onError)
      .finally(() => {
        running = undefined
      })
  }

  async function expire(): Promise<void> {
    const rows = await database.query<{ id: string }>('select private.expire_sends($1, $2) as id', [
      deadlineMs / 1_000,
      mostMessages,
    ])
    for (const { id } of rows) onChange(id)
  }

  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
