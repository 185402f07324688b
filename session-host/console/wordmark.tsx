import type { ReactNode } from 'react'
import { useLanguage } from './language/language.tsx'

export function Wordmark(): ReactNode {
  const { t } = useLanguage()
  return (
    <span className="wordmark">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path
          className="wordmark-bubble"
          d="M16 2C8 2 2 7.600 2 14.600c0 3.900 1.900 7.300 4.900 9.600L5.600 30l6.500-3.200c1.200.3 2.500.4 3.900.4 8 0 14-5.600 14-12.600S24 2 16 2Z"
        />
        <path className="wordmark-gate" d="M10 20v-5a6 6 0 0 1 12 0v5M16 20v-5" />
      </svg>
      {t.productName}
    </span>
  )
}
