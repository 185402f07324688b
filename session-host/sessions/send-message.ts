import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Sends a message that is still pending, and waits for the server's answer to it. */
export async function sendMessage(
  command: ClaimedCommand & { kind: 'send_message' },
  { open, commands, answers }: CommandContext,
): Promise<Outcome> {
  const message = await commands.readMessage(command.message_id)
  if (message?.status !== 'pending') return { kind: 'finished', result: {} }
  const { quoted } = message
  const answer = await answers.during(message.wa_id, () =>
    open.sendText({
      to: message.address,
      text: message.text,
      waId: message.wa_id,
      ...(quoted
        ? { quoted: { waId: quoted.wa_id, fromMe: quoted.from_me, text: quoted.text, sender: quoted.sender_jid } }
        : {}),
    }),
  )
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
