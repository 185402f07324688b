/** An event of the simulator, as its stream gives it. */
export interface SimulatorEvent {
  id: number
  type: string
  number: string
  [detail: string]: unknown
}

/** The simulator's events from the moment of the subscription on, without gap. */
export interface SimulatorEvents extends AsyncDisposable {
  /** The next one that fits, those since the last `mark` included. */
  next(fits: (event: SimulatorEvent) => boolean): Promise<SimulatorEvent>
  /** Forgets what came so far. */
  mark(): void
  /** Those since the last `mark`. */
  all(): readonly SimulatorEvent[]
  /** How many of a type there were in all. */
  count(type: string): number
}

/** @see SimulatorEvents */
export async function followSimulator(url: string): Promise<SimulatorEvents> {
  const abort = new AbortController()
  const seen: SimulatorEvent[] = []
  const counts = new Map<string, number>()
  const waiting = new Set<(event: SimulatorEvent) => void>()
  const response = await fetch(`${url}/events`, { signal: abort.signal })
  const reading = read().catch(() => undefined)

  async function read(): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    for await (const chunk of response.body ?? []) {
      rest += decoder.decode(chunk as Uint8Array, { stream: true })
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const data = block.split('\n').find((line) => line.startsWith('data:'))
        if (data === undefined) continue
        const event = JSON.parse(data.slice(5)) as SimulatorEvent
        seen.push(event)
        if (seen.length > 20_000) seen.splice(0, 10_000)
        counts.set(event.type, (counts.get(event.type) ?? 0) + 1)
        for (const check of waiting) check(event)
      }
    }
  }

  return {
    next(fits) {
      const past = seen.find(fits)
      if (past) return Promise.resolve(past)
      return new Promise((resolve) => {
        function check(event: SimulatorEvent): void {
          if (!fits(event)) return
          waiting.delete(check)
          resolve(event)
        }
        waiting.add(check)
      })
    },
    all: () => seen,
    mark: () => void seen.splice(0),
    count: (type) => counts.get(type) ?? 0,
    async [Symbol.asyncDispose]() {
      abort.abort()
      await reading
    },
  }
}
