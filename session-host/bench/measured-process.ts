import { monitorEventLoopDelay } from 'node:perf_hooks'
import process from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Preloaded into a process that is measured (`node --import`): on SIGUSR2 it collects garbage and prints a line of JSON with what a
 * look from outside can't tell. The product knows nothing of it.
 */
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()

process.on('SIGUSR2', () => {
  const loop = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 }
  delay.reset()
  // What the first collection lets go of, finalizers included, goes with the second.
  collect()
  setImmediate(() => {
    collect()
    const { rss, heapUsed, external } = process.memoryUsage()
    process.stdout.write(`${JSON.stringify({ measured: { rss, heapUsed, external, loop } })}\n`)
    delay.reset()
  })
})
