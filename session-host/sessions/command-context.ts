import type { ErrorCode } from '#shared/errors.ts'
import type { CommandStore } from '../store/commands.ts'
import type { Projection } from '../store/projection.ts'
import type { Connection } from '../whatsapp/connection-options.ts'
import type { Answers } from './answers.ts'
import type { SendRules } from './send-rules.ts'
import type { SessionMedia } from './session-media.ts'

/** What carrying out a command takes. */
export interface CommandContext {
  open: Connection
  commands: CommandStore
  projection: Projection
  answers: Answers
  /** null where no file can be kept. */
  media: SessionMedia | null
  rules: SendRules
  onLogout: () => void
  /** The message has left, or is on its way out: the next one of its conversation may follow before WhatsApp has answered. */
  onHandedOver: () => void
}

/** How an attempt ended. What throws is tried again as well, with the pauses of the pump. */
export type Outcome =
  | { kind: 'finished'; result: Record<string, unknown> }
  /** It can't be done: the command, and its message if it has one, fail with this code. */
  | { kind: 'failed'; code: ErrorCode }
  /** It is not its turn yet: this was no try. */
  | { kind: 'later'; waitMs: number }
  /** WhatsApp did not say in time: try again. */
  | { kind: 'unanswered' }
  /** Somebody else ends it, in order with what WhatsApp says next. */
  | { kind: 'settled' }
