/** Runs tasks of one key one after the other, in the order they came; different keys don't wait for each other. */
export type Serial = <T>(key: string, task: () => Promise<T>) => Promise<T>

export function createSerial(): Serial {
  const tails = new Map<string, Promise<void>>()
  return (key, task) => {
    const run = (tails.get(key) ?? Promise.resolve()).then(task, task)
    const tail: Promise<void> = run.then(forget, forget)
    function forget(): void {
      if (tails.get(key) === tail) tails.delete(key)
    }
    tails.set(key, tail)
    return run
  }
}
