import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { conversationsKey, conversationsOf, mergeConversations, type ConversationData } from '../live/cache.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

export interface Conversations {
  conversations: Conversation[]
  isPending: boolean
  error: unknown
  hasMore: boolean
  loadMore: () => void
  reload: () => void
}

/** The chats that match, newest activity first; kept up to date by events, or by asking every 10 s while the socket is down. */
export function useConversations(q: string, archived: boolean): Conversations {
  const { rest, live } = useParts()
  const { joined } = useObservable(live.state)
  const query = useInfiniteQuery({
    queryKey: conversationsKey(q, archived),
    queryFn: ({ pageParam, signal }) => rest.conversations({ q, archived, cursor: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    structuralSharing: (known, answer) =>
      mergeConversations(known as ConversationData | undefined, answer as ConversationData),
    placeholderData: keepPreviousData,
    refetchInterval: joined ? false : 10_000,
  })
  const { data, isPending, isFetching, error, hasNextPage, fetchNextPage, refetch } = query
  return {
    conversations: useMemo(() => conversationsOf(data), [data]),
    isPending,
    error: data ? null : error,
    hasMore: hasNextPage,
    loadMore: () => void (isFetching || fetchNextPage()),
    reload: () => void refetch(),
  }
}
