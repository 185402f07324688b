import type { ReactNode } from 'react'
import type { Poll } from '#shared/content.ts'
import type { Message } from '#shared/message.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { tally } from './interactions.ts'

/** A poll with its votes so far. */
export function PollCard({ message, poll }: { message: Message; poll: Poll }): ReactNode {
  const { t } = useLanguage()
  const counted = tally(poll.options, message.interactions)
  const most = Math.max(1, ...counted.map(({ votes }) => votes))
  return (
    <div className="card poll" dir="auto">
      <p className="card-title">
        <Icon name="poll" />
        <span className="visually-hidden">{t.kinds.poll}: </span>
        {poll.name}
      </p>
      <p className="hint">{poll.selectable === 1 ? t.chooseOne : t.chooseSeveral}</p>
      <ul>
        {counted.map(({ option, votes, mine }, index) => (
          <li key={index}>
            <span className={mine ? 'chosen' : ''}>
              <bdi>{option}</bdi>
              {mine && <span className="visually-hidden"> ({t.yourVote})</span>}
            </span>
            <span>{t.votes(votes)}</span>
            <progress value={votes} max={most} aria-hidden="true" />
          </li>
        ))}
      </ul>
    </div>
  )
}
