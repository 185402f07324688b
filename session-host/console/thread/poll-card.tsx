import { useState, type ReactNode } from 'react'
import type { Poll } from '#shared/content.ts'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { tally } from './interactions.ts'

/** A poll with its votes so far; an option is chosen, or no longer, with its button. */
export function PollCard({ message, poll }: { message: Message; poll: Poll }): ReactNode {
  const { t } = useLanguage()
  const counted = tally(poll.options, message.interactions)
  const { rest, announcer } = useParts()
  const [busy, setBusy] = useState(false)
  const choice = counted.filter(({ mine }) => mine).map(({ option }) => option)

  async function toggle(option: string): Promise<void> {
    if (busy) return
    const others = choice.filter((each) => each !== option)
    const options = choice.includes(option) ? others : poll.selectable === 1 ? [option] : [...others, option]
    setBusy(true)
    await rest.act('vote', { messageId: message.id, options }, crypto.randomUUID()).catch((error: unknown) => {
      announcer.show(errorSentence(error, t))
    })
    setBusy(false)
  }

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
            <button
              type="button"
              className={mine ? 'option chosen' : 'option'}
              aria-pressed={mine}
              aria-disabled={busy}
              onClick={() => void toggle(option)}
            >
              <bdi>{option}</bdi>
              {mine && <span className="visually-hidden"> ({t.yourVote})</span>}
            </button>
            <span>{t.votes(votes)}</span>
            <progress value={votes} max={most} aria-hidden="true" />
          </li>
        ))}
      </ul>
    </div>
  )
}
