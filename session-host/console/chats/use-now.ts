import { useSyncExternalStore } from 'react'

/** The current moment, renewed every so many seconds, shared by all that show times. */
export function useSecondsOf(seconds: number): Date {
  const step = seconds * 1_000
  const tick = useSyncExternalStore(
    (listener) => {
      const timer = setInterval(listener, step)
      return () => clearInterval(timer)
    },
    () => Math.floor(Date.now() / step),
  )
  return new Date(Math.max(Date.now(), tick * step))
}
