import type { Message } from '#shared/message.ts'
import { createContext, use } from 'react'

/** What the open thread does with one of its messages. */
export interface MessageActions {
  reply: (message: Message) => void
  /** Opens the dialog for it. */
  ask: (question: MessageQuestion) => void
}

export interface MessageQuestion {
  kind: 'edit' | 'delete' | 'forward'
  message: Message
}

const MessageActionsContext = createContext<MessageActions>({ reply: () => undefined, ask: () => undefined })
export const MessageActionsProvider = MessageActionsContext

export function useMessageActions(): MessageActions {
  return use(MessageActionsContext)
}

/** Whether it can be answered, reacted to or sent on: WhatsApp has it, and it is still there. */
export function isUsable({ revoked_at, sender_type, status, message_type }: Message): boolean {
  return revoked_at === null && sender_type !== 'system' && message_type !== 'notice' && !unsent.includes(status)
}

/** Whether what it says can be changed: a text, or the caption of a picture, film or document. */
export function isEditable({ message_type, content }: Message): boolean {
  return message_type === 'text' || (captioned.includes(message_type) && !content.video_note)
}

const captioned: Message['message_type'][] = ['image', 'video', 'document']
const unsent: Message['status'][] = ['pending', 'failed']
