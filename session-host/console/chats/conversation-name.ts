import type { Conversation } from '#shared/conversation.ts'
import { phoneOf } from '#shared/ids.ts'
import type { Catalogue } from '../language/catalogue-es.ts'
import { createObservable } from '../live/observable.ts'

type Named = Pick<Conversation, 'contact_name' | 'external_id' | 'kind'>

/** The name to show: the contact's, else the formatted number, else what kind of chat it is. */
export function conversationName(conversation: Named, t: Catalogue): string {
  if (conversation.contact_name) return conversation.contact_name
  const phone = phoneOf(conversation.external_id)
  if (phone !== null) return phoneFormat.get()(phone)
  return conversation.kind === 'group' ? t.group : t.contactChat
}

/** How a number is written. A plain plus until the number plans, a chunk of their own, have been loaded. */
export const phoneFormat = createObservable<(digits: string) => string>((digits) => `+${digits}`)

export async function loadPhoneFormat(): Promise<void> {
  const { formatPhone } = await import('#shared/contact.ts')
  phoneFormat.set(() => formatPhone)
}
