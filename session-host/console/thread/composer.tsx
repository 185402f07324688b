import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react'
import { maxTextLength } from './max-text-length.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { readDraft, writeDraft } from './drafts.ts'

/** Enter sends, Shift+Enter breaks the line; what is not sent stays as a draft of this chat. */
export function Composer({ conversationId }: { conversationId: string }): ReactNode {
  const { t, language } = useLanguage()
  const { outbox } = useParts()
  const [text, setText] = useState(() => readDraft(conversationId))
  const input = useRef<HTMLTextAreaElement>(null)
  const tooLong = text.length > maxTextLength
  // On a desktop the chat opens ready to write; on a phone the keyboard would cover it.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) input.current?.focus({ preventScroll: true })
  }, [])

  function change(next: string): void {
    setText(next)
    writeDraft(conversationId, next)
  }

  function send(event: FormEvent | KeyboardEvent): void {
    event.preventDefault()
    if (text.trim() === '' || tooLong) return
    outbox.send(conversationId, text)
    change('')
    input.current?.focus()
  }

  return (
    <form className="composer" aria-label={t.composer} onSubmit={send}>
      {tooLong && (
        <p id="composer-problem" className="problem" role="alert">
          {t.tooLong(maxTextLength.toLocaleString(language))}
        </p>
      )}
      <div className="composer-row">
        <textarea
          id="composer"
          ref={input}
          rows={1}
          dir="auto"
          placeholder={t.composer}
          aria-label={t.composer}
          aria-invalid={tooLong}
          enterKeyHint="send"
          value={text}
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event)
          }}
        />
        <button type="submit" className="send" aria-label={t.send} aria-disabled={text.trim() === '' || tooLong}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
