export interface Grouping<T> {
  add(item: T): void
}

/**
 * Handles items at once while few are under way, and in groups when many come meanwhile: at most `inFlight` groups run, what arrives
 * then waits for the next. `take` says how many of those that wait, oldest first and at least one, go together. `run` never fails.
 * Groups begin at least `spacingMs` apart: what comes alone goes at once, what comes all the time goes in larger groups, which cost less.
 */
export function createGrouping<T>({
  inFlight,
  take,
  run,
  spacingMs = 0,
}: {
  inFlight: number
  spacingMs?: number
  take: (waiting: T[]) => number
  run: (group: T[]) => Promise<void>
}): Grouping<T> {
  const waiting: T[] = []
  let running = 0
  let earliest = 0
  let timer: NodeJS.Timeout | undefined

  function pump(): void {
    while (running < inFlight && waiting.length > 0) {
      const left = spacingMs > 0 ? earliest - performance.now() : 0
      if (left > 0) {
        timer ??= setTimeout(() => {
          timer = undefined
          pump()
        }, left)
        return
      }
      earliest = performance.now() + spacingMs
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
