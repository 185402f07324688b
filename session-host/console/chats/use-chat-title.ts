import { useEffect } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { useLanguage } from '../language/language.tsx'

/** How many chats have something unread, in the tab's title. */
export function useChatTitle(conversations: readonly Conversation[]): void {
  const { t } = useLanguage()
  const unread = conversations.filter((conversation) => conversation.unread_count > 0).length
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t.productName}` : t.productName
  }, [unread, t])
}
