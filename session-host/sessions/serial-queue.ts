/** Runs tasks one after another, in the order they were added. */
export interface SerialQueue {
  /** Adds a task; its outcome is the promise's. A task that fails does not stop the ones behind it. */
  add<T>(task: () => Promise<T>): Promise<T>
  /** Resolves when everything added so far has ended. */
  idle(): Promise<void>
}

/** @see SerialQueue */
export function createSerialQueue(): SerialQueue {
  let tail: Promise<unknown> = Promise.resolve()
  return {
    add(task) {
      const next = tail.then(task)
      tail = next.catch(() => undefined)
      return next
    },
    idle: async () => {
      await tail
    },
  }
}
