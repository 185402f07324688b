import { useQuery } from '@tanstack/react-query'
import { useCallback, useMemo } from 'react'
import type { Conversation } from '#shared/conversation.ts'
import type { Message } from '#shared/message.ts'
import { displayName } from './display-name.ts'
import { phoneOf } from '#shared/ids.ts'
import { phoneFormat } from '../chats/conversation-name.ts'
import { useLanguage } from '../language/language.tsx'
import { useObservable } from '../live/observable.ts'
import { useParts } from '../parts.ts'
import { useGroup } from './use-group.ts'

interface Named {
  name: string | null
  phone: string | null
}

/** Names for the JIDs of a group's people: its participants, and whoever else wrote or is named in what is loaded. */
export function useNames(conversation: Conversation, messages: readonly Message[]): (jid: string) => string {
  const { supabase } = useParts()
  const { t } = useLanguage()
  const format = useObservable(phoneFormat)
  const isGroup = conversation.kind === 'group'
  const { data: group } = useGroup(conversation.id, isGroup)
  const members = useMemo(() => {
    const known = new Map<string, Named>()
    for (const { jid, name, phone } of group?.participants ?? []) {
      known.set(jid, { name, phone })
      // Older messages may name the same person by number.
      if (phone !== null) known.set(`${phone}@s.whatsapp.net`, { name, phone })
    }
    return known
  }, [group])
  const strangers = useMemo(() => {
    if (!isGroup || !group) return []
    return [...new Set(messages.flatMap(jidsIn))]
      .filter((jid) => !members.has(jid))
      .toSorted()
      .slice(0, 200)
  }, [isGroup, group, messages, members])
  const { data: others } = useQuery({
    queryKey: ['names', conversation.session_id, strangers],
    queryFn: async ({ signal }): Promise<Map<string, Named>> => {
      const { data, error } = await supabase
        .from('contact_identities')
        .select('jid, contacts(name, verified_name, push_name, phone)')
        .eq('session_id', conversation.session_id)
        .in('jid', strangers)
        .abortSignal(signal)
      if (error) throw error
      return new Map(data.map(({ jid, contacts }) => [jid as string, displayName(contacts)]))
    },
    enabled: strangers.length > 0,
    staleTime: 60_000,
  })
  return useCallback(
    (jid: string) => {
      const person = members.get(jid) ?? others?.get(jid)
      const phone = person?.phone ?? phoneOf(jid)
      return person?.name ?? (phone ? format(phone) : t.somebody)
    },
    [members, others, format, t],
  )
}

/** Everybody whom a message names. */
function jidsIn({ sender_jid, content: { notice } }: Message): string[] {
  return [sender_jid, notice?.by, ...(notice?.participants ?? [])].filter((jid) => typeof jid === 'string')
}
