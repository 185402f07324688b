import type { ReactNode } from 'react'
import { useSimulation } from './simulation.tsx'

/** A screen's title, with the way back when there is one. */
export function AppBar(props: {
  title: string
  subtitle?: string
  onBack?: () => void
  children?: ReactNode
}): ReactNode {
  const { t } = useSimulation()
  return (
    <div className="app-bar">
      {props.onBack && (
        <button type="button" className="icon-button" aria-label={t.back} onClick={props.onBack}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M15 5l-7 7 7 7" />
          </svg>
        </button>
      )}
      <div className="app-bar-title">
        <h3 dir="auto">{props.title}</h3>
        {props.subtitle !== undefined && <p>{props.subtitle}</p>}
      </div>
      {props.children}
    </div>
  )
}
