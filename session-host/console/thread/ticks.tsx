import type { ReactNode } from 'react'
import type { MessageStatus } from '#shared/message.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'

/** How far a message of ours has come: a shape and a colour to see, a word to hear. */
export function Ticks({ status }: { status: MessageStatus }): ReactNode {
  const { t } = useLanguage()
  const seen = status === 'read' || status === 'played'
  return (
    <span className={seen ? 'ticks ticks-read' : 'ticks'} title={t.status[status]}>
      {status === 'pending' && <Icon name="clock" />}
      {status === 'failed' && <Icon name="alert" />}
      {status !== 'pending' && status !== 'failed' && (
        <svg viewBox="0 0 20 12" aria-hidden="true">
          <path d={status === 'sent' ? 'M5 6.500 8.500 10 15 2' : 'M1.500 6.500 5 10 11.500 2M9 9l1 1 6.500-8'} />
        </svg>
      )}
      <span className="visually-hidden">{t.status[status]}</span>
    </span>
  )
}
