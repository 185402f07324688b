import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import type { Message } from '#shared/message.ts'
import { findConversation, mergeMessages, messagesKey, messagesOf, type MessageData } from '../live/cache.ts'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

/** The row of a conversation that no list shows: from an earlier list, else straight from the table, which its owner may read. */
export function useConversation(id: string, enabled: boolean) {
  const { supabase } = useParts()
  const queryClient = useQueryClient()
  return useQuery({
    queryKey: ['conversation', id],
    queryFn: async ({ signal }): Promise<Conversation | null> => {
      const { data, error } = await supabase
        .from('conversations_new')
        .select('*')
        .eq('id', id)
        .abortSignal(signal)
        .maybeSingle()
      if (error) throw error
      return data as Conversation | null
    },
    initialData: () => findConversation(queryClient, id),
    enabled,
  })
}

export interface Thread {
  messages: Message[]
  isPending: boolean
  isLoadingOlder: boolean
  error: unknown
  hasOlder: boolean
  loadOlder: () => void
  reload: () => void
}

/** A conversation's messages; the first page reaches back to the first unread one where the API's limit allows. */
export function useMessages(conversationId: string, unread: number): Thread {
  const { rest, live } = useParts()
  const { joined } = useObservable(live.state)
  const [firstLimit] = useState(Math.min(200, Math.max(50, unread + 20)))
  const query = useInfiniteQuery({
    queryKey: messagesKey(conversationId),
    queryFn: ({ pageParam, signal }) =>
      rest.messages({ conversationId, limit: pageParam === null ? firstLimit : 50, before: pageParam }, signal),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.previous_cursor,
    structuralSharing: (known, answer) => mergeMessages(known as MessageData | undefined, answer as MessageData),
    refetchInterval: joined ? false : 10_000,
  })
  const { data, isPending, isFetching, isFetchingNextPage, error, hasNextPage, fetchNextPage, refetch } = query
  return {
    messages: useMemo(() => messagesOf(data), [data]),
    isPending,
    isLoadingOlder: isFetchingNextPage,
    error: data ? null : error,
    hasOlder: hasNextPage,
    loadOlder: () => void (isFetching || fetchNextPage()),
    reload: () => void refetch(),
  }
}
