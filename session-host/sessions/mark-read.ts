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

/** Tells the authors of the command's messages that they were played, as far as their rows still exist. */
export async function markPlayed(
  command: ClaimedCommand & { kind: 'mark_played' },
  { open, commands }: CommandContext,
): Promise<Outcome> {
  for (const key of await commands.readKeys(command.payload.message_ids))
    await open.markPlayed({ chat: key.address, waId: key.wa_id, sender: key.sender_jid })
  return { kind: 'finished', result: {} }
}
