import { useMutation } from '@tanstack/react-query'
import { useState, type FormEvent, type ReactNode } from 'react'
import type { Message } from '#shared/message.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { Avatar } from '../chats/avatar.tsx'
import { conversationName } from '../chats/conversation-name.ts'
import { useConversations } from '../chats/use-conversations.ts'
import { Dialog } from '../dialog.tsx'
import { useLanguage } from '../language/language.tsx'
import { useParts } from '../parts.ts'
import { maxTextLength } from './max-text-length.ts'
import type { MessageQuestion } from './message-actions.ts'

/** The dialog of what was asked of a message; a chunk of its own. */
export function MessageDialog({ question, onClose }: { question: MessageQuestion; onClose: () => void }): ReactNode {
  switch (question.kind) {
    case 'edit':
      return <EditDialog message={question.message} onClose={onClose} />
    case 'delete':
      return <DeleteDialog message={question.message} onClose={onClose} />
    case 'forward':
      return <ForwardDialog message={question.message} onClose={onClose} />
    default:
      return question.kind satisfies never
  }
}

function EditDialog({ message, onClose }: { message: Message; onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { rest } = useParts()
  // One key for the whole dialog would answer a second wording with the first one's result.
  const edit = useMutation({
    mutationFn: (text: string) =>
      rest.act('edit_message', { messageId: message.id, textContent: text }, crypto.randomUUID()),
    onSuccess: onClose,
  })
  const [text, setText] = useState(message.text_content ?? '')
  const unusable = text.trim() === '' || text.length > maxTextLength || text === message.text_content
  function submit(event: FormEvent): void {
    event.preventDefault()
    if (!unusable && !edit.isPending) edit.mutate(text)
  }
  return (
    <Dialog title={t.editTitle} onClose={onClose}>
      <form className="stack" onSubmit={submit}>
        <textarea
          className="edit-text"
          rows={4}
          dir="auto"
          aria-label={t.editTitle}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <div role="alert">{edit.isError && <p className="problem">{errorSentence(edit.error, t)}</p>}</div>
        <div className="dialog-actions">
          <button type="button" className="secondary" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" className="primary" aria-disabled={unusable || edit.isPending}>
            {t.save}
          </button>
        </div>
      </form>
    </Dialog>
  )
}

function DeleteDialog({ message, onClose }: { message: Message; onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { rest } = useParts()
  const [key] = useState(() => crypto.randomUUID())
  const remove = useMutation({
    mutationFn: () => rest.act('delete_message', { messageId: message.id }, key),
    onSuccess: onClose,
  })
  return (
    <Dialog title={t.deleteTitle} onClose={onClose}>
      <p>{t.deleteHelp}</p>
      <div role="alert">{remove.isError && <p className="problem">{errorSentence(remove.error, t)}</p>}</div>
      <div className="dialog-actions">
        <button type="button" className="secondary" onClick={onClose}>
          {t.cancel}
        </button>
        <button
          type="button"
          className="danger"
          aria-disabled={remove.isPending}
          onClick={() => remove.isPending || remove.mutate()}
        >
          {t.deleteConfirm}
        </button>
      </div>
    </Dialog>
  )
}

function ForwardDialog({ message, onClose }: { message: Message; onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { rest, announcer } = useParts()
  const [typed, setTyped] = useState('')
  const { conversations } = useConversations(typed.trim(), false)
  // A key for each chat: asked twice for one chat, it is forwarded once.
  const [keys] = useState(() => new Map<string, string>())
  const forward = useMutation({
    mutationFn: ({ id }: { id: string; name: string }) => {
      const key = keys.get(id) ?? crypto.randomUUID()
      keys.set(id, key)
      return rest.act('forward_message', { messageId: message.id, conversationId: id }, key)
    },
    onSuccess: (_, { name }) => {
      announcer.show(t.forwardedTo(name))
      onClose()
    },
  })
  return (
    <Dialog title={t.forwardTitle} onClose={onClose}>
      <input
        type="search"
        placeholder={t.searchChats}
        aria-label={t.searchChats}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <div role="alert">{forward.isError && <p className="problem">{errorSentence(forward.error, t)}</p>}</div>
      <ul className="pick-list">
        {conversations.map((conversation) => {
          const name = conversationName(conversation, t)
          return (
            <li key={conversation.id}>
              <button
                type="button"
                aria-disabled={forward.isPending}
                onClick={() => forward.isPending || forward.mutate({ id: conversation.id, name })}
              >
                <Avatar name={name} id={conversation.id} photo={conversation.contact_photo_url} />
                <bdi>{name}</bdi>
              </button>
            </li>
          )
        })}
        {conversations.length === 0 && <li className="hint">{t.noResults}</li>}
      </ul>
    </Dialog>
  )
}
