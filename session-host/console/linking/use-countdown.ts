import { useEffect, useState } from 'react'

/** Whole seconds left until a moment, counted down each second; null without one. Never below zero. */
export function useCountdown(until: string | null): number | null {
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    if (until === null) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [until])
  return until === null ? null : Math.max(0, Math.ceil((Date.parse(until) - now) / 1_000))
}
