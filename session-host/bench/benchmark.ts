/** One benchmark: what it does in a line, and how it is run. */
export interface Benchmark {
  name: string
  summary: string
  run(options: BenchmarkOptions): Promise<BenchmarkOutcome>
}

export interface BenchmarkOptions {
  /** Share of the data set and of the number of calls, above 0 and up to 1 (the size that the goals are set for). */
  scale: number
  /** Says what is being done, for people. */
  log: (line: string) => void
}

export interface BenchmarkOutcome {
  /** What was done, in numbers. */
  workload: Record<string, unknown>
  results: Record<string, unknown>
  /** What the results are compared with, measured in the same run; null where the goals are absolute. */
  baseline: Record<string, unknown> | null
  goals: Goal[]
}

export interface Goal {
  goal: string
  value: number
  met: boolean
}

/** Quantiles of a number of samples, in the samples' unit. */
export interface Distribution {
  count: number
  median: number
  p99: number
  max: number
}

/** Nearest-rank quantiles. */
export function distributionOf(samples: number[]): Distribution {
  const sorted = samples.toSorted((a, b) => a - b)
  const quantile = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return {
    count: sorted.length,
    median: rounded(quantile(0.5)),
    p99: rounded(quantile(0.99)),
    max: rounded(sorted.at(-1) ?? Number.NaN),
  }
}

/** Three decimals: enough for ms and ratios. */
export function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

export function atMost(goal: string, value: number, limit: number): Goal {
  return { goal, value: rounded(value), met: value <= limit }
}

export function atLeast(goal: string, value: number, limit: number): Goal {
  return { goal, value: rounded(value), met: value >= limit }
}
