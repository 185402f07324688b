import { useMutation } from '@tanstack/react-query'
import type { FormEvent, ReactNode } from 'react'
import { errorSentence } from '../api/error-sentence.ts'
import { Dialog } from '../dialog.tsx'
import { useLanguage } from '../language/language.tsx'
import { putConversation } from '../live/cache.ts'
import { useParts } from '../parts.ts'
import { openChatAt } from './use-route.ts'

/** Starts a conversation with a number, once WhatsApp has said that it exists. */
export function NewChatDialog({ onClose }: { onClose: () => void }): ReactNode {
  const { t } = useLanguage()
  const { rest, queryClient } = useParts()
  const start = useMutation({
    mutationFn: (phone: string) => {
      if (phone.trim() === '') throw new Error(t.phoneMissing)
      return rest.startConversation(phone)
    },
    onSuccess: (conversation) => {
      putConversation(queryClient, conversation)
      onClose()
      openChatAt(conversation.id)
      requestAnimationFrame(() => document.getElementById('composer')?.focus())
    },
  })
  function submit(event: FormEvent<HTMLFormElement>): void {
    event.preventDefault()
    const phone = new FormData(event.currentTarget).get('phone')
    if (!start.isPending) start.mutate(typeof phone === 'string' ? phone : '')
  }
  const problem = start.error?.message === t.phoneMissing ? t.phoneMissing : errorSentence(start.error, t)
  return (
    <Dialog title={t.newChat} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <p>{t.newChatLead}</p>
        <label>
          {t.phoneNumber}
          <input
            name="phone"
            type="tel"
            inputMode="tel"
            autoComplete="off"
            placeholder="+34 600 111 222"
            dir="ltr"
            aria-invalid={start.isError}
            aria-describedby="new-chat-problem"
          />
        </label>
        <div role="alert" id="new-chat-problem">
          {start.isError && <p className="problem">{problem}</p>}
        </div>
        <div className="dialog-actions">
          <button type="button" className="secondary" onClick={onClose}>
            {t.cancel}
          </button>
          <button type="submit" className="primary" aria-disabled={start.isPending}>
            {start.isPending ? t.checkingNumber : t.openChat}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
