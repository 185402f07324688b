import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Asks the phone for messages older than the oldest that is stored. They come as a chunk of history; this ends when it was asked. */
export async function requestHistory(
  command: ClaimedCommand & { kind: 'request_history' },
  { open, commands }: CommandContext,
): Promise<Outcome> {
  const oldest = await commands.readOldest(command.conversation_id)
  if (!oldest) return { kind: 'failed', code: 'message_not_found' }
  const { address: chat, wa_id: waId, from_me: fromMe, at } = oldest
  const requestId = await open.requestOlder({ chat, waId, fromMe, at }, command.payload.count)
  return { kind: 'finished', result: { request_id: requestId } }
}
