/** How long something is asked for, and how often, in milliseconds. */
export interface Wait {
  totalMs: number
  intervalMs: number
}

/**
 * Reads again and again until something other than null comes back: that, or null when the wait is over or the caller has gone.
 * Reads at least once. An error of a read ends it.
 */
export async function pollUntil<T>(
  read: () => Promise<T | null>,
  wait: Wait & { signal: AbortSignal; now: () => number },
): Promise<T | null> {
  const end = wait.now() + wait.totalMs
  for (;;) {
    const value = await read()
    if (value !== null) return value
    const left = end - wait.now()
    if (left <= 0 || wait.signal.aborted) return null
    await pause(Math.min(wait.intervalMs, left), wait.signal)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
