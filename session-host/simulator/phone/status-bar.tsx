import { useSyncExternalStore, type ReactNode } from 'react'
import { useSimulation } from './simulation.tsx'

export function StatusBar({ airplane }: { airplane: boolean }): ReactNode {
  const { t } = useSimulation()
  const minute = useSyncExternalStore(everySecond, () => Math.floor(Date.now() / 60_000))
  return (
    <div className="status-bar">
      <time>{clock(new Date(minute * 60_000))}</time>
      <span className="camera-hole" aria-hidden="true" />
      {airplane ? (
        <svg viewBox="0 0 24 24" role="img" aria-label={t.airplane}>
          <path d="M21 15v-2l-8-5V3.500a1.500 1.500 0 0 0-3 0V8l-8 5v2l8-2.500V18l-2.500 1.800V21l4-1 4 1v-1.200L13 18v-5.500z" />
        </svg>
      ) : (
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M3 18h3v3H3zm5-4h3v7H8zm5-5h3v12h-3zm5-5h3v17h-3z" />
        </svg>
      )}
    </div>
  )
}

/** `17:05`, in the reader's time zone. */
export function clock(at: Date): string {
  return at.toLocaleTimeString('es', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
}

function everySecond(listener: () => void): () => void {
  const timer = setInterval(listener, 1_000)
  return () => clearInterval(timer)
}
