import type { ReactNode } from 'react'
import { useSimulation } from './simulation.tsx'

/** What this page asked of the control API and what the simulator reported, newest first. */
export function Journal(): ReactNode {
  const { t, journal, language } = useSimulation()
  return (
    <details className="journal">
      <summary>
        {t.journal} <span className="hint">{journal.length}</span>
      </summary>
      <p className="hint">{t.journalLead}</p>
      <ol reversed>
        {journal.toReversed().map((line) => (
          <li key={line.id} className={line.kind}>
            <time>{line.at.toLocaleTimeString(language, { hourCycle: 'h23' })}</time> <code>{line.text}</code>
          </li>
        ))}
      </ol>
    </details>
  )
}
