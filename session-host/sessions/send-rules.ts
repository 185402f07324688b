import type { SessionMeasures } from './measures.ts'
import type { Pacing } from './pacing.ts'
import type { Recipients } from './recipients.ts'

/** What a session minds when messages leave. */
export interface SendRules {
  pacing: Pacing
  recipients: Recipients
  /** A message that has waited longer fails, in ms from its submission; 0: never. */
  deadlineMs: number
  /** WhatsApp restricts the account: it may not write to people for the first time. */
  forbidsFirstContact: () => boolean
  measures: Pick<SessionMeasures, 'send' | 'acknowledged'>
}
