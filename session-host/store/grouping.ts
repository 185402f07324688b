export interface Grouping<T> {
  add(item: T): void
}

/**
 * Handles items at once while few are under way, and in groups when many come meanwhile: at most `inFlight` groups run, what arrives
 * then waits for the next. `take` says how many of those that wait, oldest first and at least one, go together. `run` never fails.
 */
export function createGrouping<T>({
  inFlight,
  take,
  run,
}: {
  inFlight: number
  take: (waiting: T[]) => number
  run: (group: T[]) => Promise<void>
}): Grouping<T> {
  const waiting: T[] = []
  let running = 0

  function pump(): void {
    while (running < inFlight && waiting.length > 0) {
      running += 1
      void run(waiting.splice(0, take(waiting))).finally(() => {
        running -= 1
        pump()
      })
    }
  }

  return {
    add(item) {
      waiting.push(item)
      pump()
    },
  }
}
