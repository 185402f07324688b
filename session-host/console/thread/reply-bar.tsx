import type { ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'

/** The message that is being answered, above the composer. */
export function ReplyBar(props: { message: Message; author: string; onEnd: () => void }): ReactNode {
  const { t } = useLanguage()
  const { text_content: text, message_type: type } = props.message
  return (
    <div className="reply-bar">
      <div className="quoted" dir="auto">
        <strong>{t.replyingTo(props.author)}</strong>
        <span>{text === null || text === '' ? t.kinds[type] : text}</span>
      </div>
      <button type="button" className="quiet" aria-label={t.cancelReply} onClick={props.onEnd}>
        <Icon name="clear" />
      </button>
    </div>
  )
}
