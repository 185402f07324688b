import { useSyncExternalStore } from 'react'

/** The current moment in steps of so many seconds. */
export function useSecondsOf(seconds: number): Date {
  const step = seconds * 1_000
  const tick = useSyncExternalStore(
    (listener) => {
      const timer = setInterval(listener, step)
      return () => clearInterval(timer)
    },
    () => Math.floor(Date.now() / step),
  )
  return new Date(tick * step)
}
