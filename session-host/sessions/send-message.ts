import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'
import { prepareFile } from './prepare-file.ts'
import { prepareMessage } from './prepare-message.ts'

/** Sends a message that is still pending, and waits for the server's answer to it. */
export async function sendMessage(
  command: ClaimedCommand & { kind: 'send_message' },
  { open, commands, answers, media }: CommandContext,
): Promise<Outcome> {
  const message = await commands.readMessage(command.message_id)
  if (message?.status !== 'pending') return { kind: 'finished', result: {} }
  const file = await prepareFile(message, { open, media })
  if (file.kind === 'failed') return file
  const built = await prepareMessage({ ...message, proto: file.proto }, { open, commands })
  if (!built) return { kind: 'failed', code: 'message_rejected' }
  const { wa_id: waId, address: to } = message
  const answer = await answers.during(waId, () => open.send({ to, waId, built }))
  switch (answer.kind) {
    case 'acked':
      // The session settles an acknowledged message and its command, in order with what WhatsApp says next.
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
