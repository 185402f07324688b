import { totalmem } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'

export interface ProcessWatchOptions {
  logger: { warn(facts: object, message: string): void }
  /** Length of a sample in ms. */
  sampleMs?: number
  /** A 99th percentile of the event loop's delay above this is said, in ms: every account of the process waits that long. */
  slowLoopMs?: number
  /** Resident memory above this is said, in bytes. */
  memoryLimit?: number
}

/** Watches this process: a stalled event loop delays everybody, and memory that runs out ends everybody. */
export interface ProcessWatch extends Disposable {
  /** Delay of the event loop in the last full sample (or the running one before that), in seconds. */
  eventLoopDelay(): { p50: number; p99: number; max: number }
  /** What is wrong now, in words; empty when nothing is. */
  warnings(): string[]
}

/** @see ProcessWatch */
export function createProcessWatch({
  logger,
  sampleMs = 10_000,
  slowLoopMs = 200,
  memoryLimit = defaultMemoryLimit(),
}: ProcessWatchOptions): ProcessWatch {
  const histogram = monitorEventLoopDelay({ resolution: 10 })
  histogram.enable()
  let delay = { p50: 0, p99: 0, max: 0 }
  let warnings: string[] = []

  function sample(): void {
    const seconds = (nanoseconds: number): number => (Number.isFinite(nanoseconds) ? nanoseconds / 1e9 : 0)
    delay = {
      p50: seconds(histogram.percentile(50)),
      p99: seconds(histogram.percentile(99)),
      max: seconds(histogram.max),
    }
    histogram.reset()
    const rss = process.memoryUsage.rss()
    const before = warnings
    warnings = []
    if (delay.p99 * 1_000 > slowLoopMs) warnings.push('event_loop_slow')
    if (rss > memoryLimit) warnings.push('memory_high')
    // Said when it begins, not with every sample.
    if (warnings.some((each) => !before.includes(each)))
      logger.warn(
        { warnings, eventLoopP99Ms: Math.round(delay.p99 * 1_000), rssBytes: rss, memoryLimit },
        'this host is overloaded',
      )
  }

  const timer = setInterval(sample, sampleMs)
  timer.unref()
  return {
    eventLoopDelay: () => delay,
    warnings: () => warnings,
    [Symbol.dispose]() {
      clearInterval(timer)
      histogram.disable()
    },
  }
}

/** Four fifths of what the process may have: its container's limit, or the machine's memory. */
function defaultMemoryLimit(): number {
  const limit = process.constrainedMemory()
  const machine = totalmem()
  return 0.8 * (limit > 0 && limit < machine ? limit : machine)
}
