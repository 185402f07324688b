import type { ChangeCommand } from '../store/changes.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Sends a change of a message or of a chat's timer. It takes effect here when WhatsApp's server has taken it. */
export async function sendChange(
  command: ChangeCommand,
  { open, commands, answers }: CommandContext,
): Promise<Outcome> {
  const sent = await commands.readChange(command)
  if (!sent) return { kind: 'failed', code: 'message_not_found' }
  const { to, change } = sent
  if (change.kind === 'timer' && to.endsWith('@g.us')) {
    await open.setGroupTimer(to, change.seconds)
    await commands.finishChange(command)
    return { kind: 'settled' }
  }
  const waId = command.payload.wa_id
  let left = true
  const answer = await answers.during(waId, async () => {
    left = await open.sendChange({ to, waId, change })
    if (!left) answers.settle(waId, 'unsent')
  })
  if (!left) return { kind: 'failed', code: 'not_a_poll' }
  switch (answer.kind) {
    case 'acked':
      await commands.finishChange(command)
      return { kind: 'settled' }
    case 'refused':
      return { kind: 'failed', code: 'message_rejected' }
    case 'timeout':
    case 'interrupted':
      return { kind: 'unanswered' }
    default:
      return answer satisfies never
  }
}
