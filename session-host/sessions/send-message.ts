import type { ClaimedWork } from '../store/claimer.ts'
import type { CommandContext, Outcome } from './command-context.ts'
import { prepareFile } from './prepare-file.ts'
import { prepareMessage } from './prepare-message.ts'

type SendCommand = ClaimedWork & { kind: 'send_message' }

/** WhatsApp's code for a first message that an account is not allowed to send. */
const restrictedCode = '463'

/** Sends a message that is still pending, when it is its turn, and waits for the server's answer to it. */
export async function sendMessage(command: SendCommand, context: CommandContext): Promise<Outcome> {
  const outcome = await send(command, context)
  const { measures } = context.rules
  const seconds = (Date.now() - command.created_at.getTime()) / 1_000
  if (outcome.kind === 'settled') measures.send('sent', seconds)
  if (outcome.kind === 'failed' || outcome.kind === 'unanswered') measures.send(outcome.kind, seconds)
  return outcome
}

async function send(command: SendCommand, context: CommandContext): Promise<Outcome> {
  const { open, commands, answers, media, rules, onHandedOver } = context
  const { message } = command
  // What is gone took its command along; what is only not seen is claimed again.
  if (!message) return { kind: 'later', waitMs: 0 }
  if (message.status !== 'pending') return { kind: 'finished', result: {} }
  const refusal = await mayLeave(command, message.address, context)
  if (refusal) return refusal
  const file = await prepareFile(message, { open, media })
  if (file.kind === 'failed') return file
  const built = await prepareMessage({ ...message, proto: file.proto }, { open, commands })
  if (!built) return { kind: 'failed', code: 'message_rejected' }
  const { wa_id: waId, address: to } = message
  const startedAt = performance.now()
  const answer = await answers.during(waId, async () => {
    await open.send({ to, waId, built })
    onHandedOver()
  })
  switch (answer.kind) {
    case 'acked':
      rules.measures.acknowledged((performance.now() - startedAt) / 1_000)
      // The session settles an acknowledged message and its command, in order with what WhatsApp says next.
      return { kind: 'settled' }
    case 'refused':
      return { kind: 'failed', code: answer.error === restrictedCode ? 'account_restricted' : 'message_rejected' }
    case 'timeout':
    case 'interrupted':
      return { kind: 'unanswered' }
    default:
      return answer satisfies never
  }
}

/** Why a message does not leave now; null when it may. */
async function mayLeave(
  command: SendCommand,
  to: string,
  { open, commands, rules }: CommandContext,
): Promise<Outcome | null> {
  const { pacing, recipients, deadlineMs } = rules
  if (deadlineMs > 0 && Date.now() - command.created_at.getTime() > deadlineMs)
    return { kind: 'failed', code: 'send_timeout' }
  const facts = await recipients.read(command.conversation_id, commands)
  // Its conversation has become one with another since it was claimed: it goes from there.
  if (!facts) return { kind: 'later', waitMs: 0 }
  if (facts.isFirstContact && rules.forbidsFirstContact()) return { kind: 'failed', code: 'account_restricted' }
  // What was tried before has had its turn as a first contact.
  const isFirstContact = facts.isFirstContact && command.attempts <= 1
  const waitMs = pacing.turn({ id: command.message_id, to, isFirstContact })
  if (waitMs > 0) return { kind: 'later', waitMs }
  if (!(await recipients.isThere(command.conversation_id, facts, open)))
    return { kind: 'failed', code: 'not_on_whatsapp' }
  return null
}
