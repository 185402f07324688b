import { useEffect, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { maxTextLength } from './max-text-length.ts'
import { Icon } from '../icon.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { AttachmentTray } from './attachment-tray.tsx'
import { readDraft, writeDraft } from './drafts.ts'
import { ReplyBar } from './reply-bar.tsx'
import { maxFiles, type Attachments } from './use-attachments.ts'
import { useTyping } from './use-typing.ts'

/** Enter sends, Shift+Enter breaks the line; what is not sent stays as a draft of this chat. */
export function Composer(props: {
  conversationId: string
  attachments: Attachments
  replyTo: Message | null
  authorOf: (message: Message) => string
  onReplyEnd: () => void
}): ReactNode {
  const { t, language } = useLanguage()
  const { outbox } = useParts()
  const { conversationId, attachments, replyTo } = props
  const [text, setText] = useState(() => readDraft(conversationId))
  const { typed, stopped } = useTyping(conversationId)
  const input = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const { files } = attachments
  const tooLong = text.length > maxTextLength
  const allThere = files.every(({ state }) => state === 'ready')
  const nothing = text.trim() === '' && files.length === 0
  // On a desktop the chat opens ready to write; on a phone the keyboard would cover it.
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) input.current?.focus({ preventScroll: true })
  }, [])
  useEffect(() => {
    if (replyTo) input.current?.focus()
  }, [replyTo])

  function change(next: string): void {
    setText(next)
    writeDraft(conversationId, next)
    if (next.trim() === '') stopped()
    else typed()
  }

  function send(event: FormEvent | KeyboardEvent): void {
    event.preventDefault()
    if (nothing || tooLong || !allThere) return
    outbox.send(conversationId, text, {
      replyTo,
      attachments: files.flatMap(({ path, file }) =>
        path === null ? [] : [{ path, fileName: file.name.slice(-255) }],
      ),
    })
    attachments.clear()
    props.onReplyEnd()
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
      {replyTo && <ReplyBar message={replyTo} author={props.authorOf(replyTo)} onEnd={props.onReplyEnd} />}
      {files.length > 0 && <AttachmentTray attachments={attachments} />}
      {files.length >= maxFiles && <p className="hint">{t.tooManyFiles(maxFiles)}</p>}
      <div className="composer-row">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          data-testid="file-picker"
          onChange={(event) => {
            attachments.add(event.target.files ?? [])
            event.target.value = ''
            input.current?.focus()
          }}
        />
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
          onPaste={(event) => {
            if (event.clipboardData.files.length === 0) return
            event.preventDefault()
            attachments.add(event.clipboardData.files)
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event)
            if (event.key === 'Escape' && replyTo) props.onReplyEnd()
          }}
        />
        <button
          type="button"
          className="quiet attach"
          aria-label={t.attach}
          title={t.attach}
          onClick={() => picker.current?.click()}
        >
          <Icon name="attach" />
        </button>
        <button type="submit" className="send" aria-label={t.send} aria-disabled={nothing || tooLong || !allThere}>
          <Icon name="send" />
        </button>
      </div>
    </form>
  )
}
