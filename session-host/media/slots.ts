/** Lets so many tasks run at once; the others wait in order. */
export interface Slots {
  during<T>(task: () => Promise<T>): Promise<T>
}

/** @see Slots */
export function createSlots(count: number): Slots {
  const waiting: (() => void)[] = []
  let free = count
  return {
    async during(task) {
      if (free > 0) free -= 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await task()
      } finally {
        // The slot goes to who waits longest, or back.
        const next = waiting.shift()
        if (next) next()
        else free += 1
      }
    },
  }
}
