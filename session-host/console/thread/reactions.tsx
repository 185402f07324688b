import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { useLanguage } from '../language/language.tsx'
import { reactionsOf } from './interactions.ts'

/** The emojis that stand on a message. */
export function Reactions({ message }: { message: Message }): ReactNode {
  const { t } = useLanguage()
  const reactions = reactionsOf(message.interactions)
  if (reactions.length === 0 || message.revoked_at) return null
  return (
    <ul className="reactions" aria-label={t.reactions}>
      {reactions.map(({ emoji, count, mine }) => (
        <li key={emoji} className={mine ? 'chosen' : ''}>
          {emoji}
          {count > 1 && <span>{count}</span>}
        </li>
      ))}
    </ul>
  )
}
