import type { ReactNode } from 'react'
import { useLanguage } from './language/language.tsx'

/** Says at all times that this is not the real WhatsApp. */
export function SimulatedBar({ url }: { url: string }): ReactNode {
  const { t } = useLanguage()
  return (
    <aside className="simulated" aria-label={t.simulated}>
      <strong title={t.simulatedHelp}>{t.simulated}</strong>
      <a href={url} target="_blank" rel="noopener">
        {t.openPhone}
      </a>
    </aside>
  )
}
