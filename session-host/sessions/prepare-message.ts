import { sentContent } from '../store/find-sent.ts'
import type { OutgoingRow } from '../store/outgoing.ts'
import type { CommandContext } from './command-context.ts'

/**
 * The message of a row, encoded as it leaves; null when it can't be made. What can't be made twice alike (a poll has a secret) is kept
 * before it leaves, so that every retry, and every device that asks again, gets the same.
 */
export async function prepareMessage(
  message: OutgoingRow,
  { open, commands }: Pick<CommandContext, 'open' | 'commands'>,
): Promise<Uint8Array | null> {
  const built = open.build({ to: message.address, waId: message.wa_id, ...sentContent(message) })
  if (built && message.type === 'poll' && !message.proto) await commands.keepProto(message, built)
  return built
}
