import { useQuery } from '@tanstack/react-query'
import { useParts } from '../parts.ts'

export const groupKey = (conversationId: string) => ['group', conversationId] as const

/** A group with its members; read anew when an event says that it changed. */
export function useGroup(conversationId: string, enabled: boolean) {
  const { rest } = useParts()
  return useQuery({
    queryKey: groupKey(conversationId),
    queryFn: ({ signal }) => rest.group(conversationId, signal),
    enabled,
  })
}
