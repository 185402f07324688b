import type { ReactNode } from 'react'
import type { Quote } from '#shared/content.ts'
import type { Message } from '#shared/message.ts'
import type { Catalogue } from '../language/catalogue-es.ts'
import { useLanguage } from '../language/language.tsx'

/** The message that a reply answers: the row itself when it is loaded, else what the reply says of it. */
export function Quoted(props: {
  message: Message | undefined
  quote: Quote | undefined
  nameOf: (message: Message) => string
  onJump: (message: Message) => void
}): ReactNode {
  const { t } = useLanguage()
  const { message, quote } = props
  if (!message && !quote) return null
  const type = message?.message_type ?? quote?.message_type ?? 'text'
  const kind = Object.hasOwn(t.kinds, type) ? t.kinds[type as keyof Catalogue['kinds']] : t.kinds.text
  const words = message?.revoked_at ? t.deleted : ((message ? message.text_content : quote?.text) ?? kind)
  const body = (
    <>
      <span className="visually-hidden">{t.quoted} </span>
      {message && <strong>{props.nameOf(message)}</strong>}
      <span>{words}</span>
    </>
  )
  return message ? (
    <button type="button" className="quoted" dir="auto" onClick={() => props.onJump(message)}>
      {body}
    </button>
  ) : (
    <div className="quoted" dir="auto">
      {body}
    </div>
  )
}
