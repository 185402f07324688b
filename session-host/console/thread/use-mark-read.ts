import { useEffect, useState, useSyncExternalStore } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { patchConversation } from '../live/cache.ts'
import { useParts } from '../parts.ts'

/** Marks a chat as read while it is open and really looked at. */
export function useMarkRead({ id, unread_count: unread, marked_unread: marked }: Conversation): void {
  const { rest, queryClient } = useParts()
  const visible = useSyncExternalStore(subscribeVisibility, () => document.visibilityState === 'visible')
  // A mark that is set while the chat is open stays until it is opened again.
  const [openedMarked] = useState(marked)
  useEffect(() => {
    if (openedMarked) rest.markRead(id).catch(() => undefined)
  }, [openedMarked, id, rest])
  useEffect(() => {
    if (!visible || unread === 0) return
    patchConversation(queryClient, id, { unread_count: 0 })
    // When it fails the server still says unread, and the next visit or event tries again.
    rest.markRead(id).catch(() => undefined)
  }, [visible, unread, id, rest, queryClient])
}

function subscribeVisibility(listener: () => void): () => void {
  document.addEventListener('visibilitychange', listener)
  return () => document.removeEventListener('visibilitychange', listener)
}
