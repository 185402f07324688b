import { useCallback } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { errorSentence } from '../api/error-sentence.ts'
import { useLanguage } from '../language/language.tsx'
import { findConversation, patchConversation, putConversation } from '../live/cache.ts'
import type { MenuItem } from '../menu.tsx'
import { useParts } from '../parts.ts'
import { isMuted } from './is-muted.ts'

/** As the API says "for ever". */
const forEver = '9999-12-31T00:00:00Z'

export interface ChatActions {
  toggleArchived: (conversation: Conversation) => void
  toggleUnread: (conversation: Conversation) => void
  items: (conversation: Conversation) => MenuItem[]
}

/** What can be done with a chat in the list: seen at once, and taken back with a sentence when the server refuses. */
export function useChatActions(): ChatActions {
  const { t } = useLanguage()
  const { rest, queryClient, announcer } = useParts()

  const run = useCallback(
    (before: Conversation, seen: Partial<Conversation>, ask: () => Promise<Conversation | void>): void => {
      patchConversation(queryClient, before.id, seen)
      ask().then(
        (now) => now && putConversation(queryClient, { ...findConversation(queryClient, before.id), ...now }),
        (error: unknown) => {
          putConversation(queryClient, before)
          announcer.show(errorSentence(error, t))
        },
      )
    },
    [queryClient, announcer, t],
  )

  const toggleArchived = useCallback(
    (chat: Conversation): void => {
      const archived = !chat.archived
      run(chat, { archived }, () => rest.setChatState(chat.id, { archived }))
    },
    [run, rest],
  )
  const toggleUnread = useCallback(
    (chat: Conversation): void => {
      if (isUnread(chat)) run(chat, { unread_count: 0, marked_unread: false }, () => rest.markRead(chat.id))
      else run(chat, { marked_unread: true }, () => rest.markUnread(chat.id))
    },
    [run, rest],
  )

  return {
    toggleArchived,
    toggleUnread,
    items: (chat) => {
      const pinned = chat.pinned_at === null
      const mutedUntil = isMuted(chat) ? null : forEver
      return [
        {
          name: chat.archived ? t.unarchive : t.archive,
          icon: 'archive',
          onChoose: () => toggleArchived(chat),
        },
        {
          name: pinned ? t.pin : t.unpin,
          icon: 'pin',
          onChoose: () => {
            const pinned_at = pinned ? new Date().toISOString() : null
            run(chat, { pinned_at }, () => rest.setChatState(chat.id, { pinned }))
          },
        },
        {
          name: mutedUntil === null ? t.unmute : t.mute,
          icon: 'mute',
          onChoose: () => run(chat, { muted_until: mutedUntil }, () => rest.setChatState(chat.id, { mutedUntil })),
        },
        {
          name: isUnread(chat) ? t.markRead : t.markUnread,
          icon: 'unread',
          onChoose: () => toggleUnread(chat),
        },
      ]
    },
  }
}

function isUnread({ unread_count, marked_unread }: Conversation): boolean {
  return unread_count > 0 || marked_unread
}
