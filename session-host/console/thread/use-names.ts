import { useQuery } from '@tanstack/react-query'
import { useCallback } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import { phoneOf } from '#shared/ids.ts'
import { phoneFormat } from '../chats/conversation-name.ts'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'

interface Named {
  name: string | null
  verified_name: string | null
  push_name: string | null
  phone: string | null
}

/** Names for the JIDs of a group's people, best first: saved, verified, their own, the number. Read straight from the owner's tables. */
export function useNames(conversation: Conversation): (jid: string) => string {
  const { supabase } = useParts()
  const { t } = useLanguage()
  const format = useObservable(phoneFormat)
  const { data } = useQuery({
    queryKey: ['names', conversation.id],
    queryFn: async ({ signal }): Promise<Map<string, Named>> => {
      const identities = await supabase
        .from('contact_identities')
        .select('jid, contact_id')
        .eq('session_id', conversation.session_id)
        .limit(5_000)
        .abortSignal(signal)
      if (identities.error) throw identities.error
      const people = await supabase
        .from('contacts')
        .select('id, name, verified_name, push_name, phone')
        .eq('session_id', conversation.session_id)
        .limit(5_000)
        .abortSignal(signal)
      if (people.error) throw people.error
      const byId = new Map(people.data.map((person) => [person.id as string, person as Named]))
      return new Map(
        identities.data.flatMap(({ jid, contact_id: id }) => {
          const person = byId.get(id as string)
          return person ? [[jid as string, person] as const] : []
        }),
      )
    },
    enabled: conversation.kind === 'group',
    staleTime: 60_000,
  })
  return useCallback(
    (jid: string) => {
      const person = data?.get(jid)
      const phone = person?.phone ?? phoneOf(jid)
      return person?.name ?? person?.verified_name ?? person?.push_name ?? (phone ? format(phone) : t.somebody)
    },
    [data, format, t],
  )
}
