import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Sends read receipts for the command's messages, as far as their rows still exist. */
export async function markRead(
  command: ClaimedCommand & { kind: 'mark_read' },
  { open, commands }: CommandContext,
): Promise<Outcome> {
  const keys = await commands.readKeys(command.payload.message_ids)
  if (keys.length > 0)
    await open.markRead(keys.map((key) => ({ chat: key.address, waId: key.wa_id, sender: key.sender_jid })))
  return { kind: 'finished', result: {} }
}
