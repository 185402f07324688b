import type { Conversation } from '#shared/conversation.ts'

/** Whether a chat makes no sound now. */
export function isMuted({ muted_until: until }: Pick<Conversation, 'muted_until'>): boolean {
  return until !== null && Date.parse(until) > Date.now()
}
