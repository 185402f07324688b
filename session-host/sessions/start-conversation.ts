import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Asks WhatsApp whether the number is there, and opens the conversation with its person. */
export async function startConversation(
  command: ClaimedCommand & { kind: 'start_conversation' },
  { open, projection }: CommandContext,
): Promise<Outcome> {
  const found = await open.lookUp(command.payload.jid)
  if (!found) return { kind: 'failed', code: 'not_on_whatsapp' }
  const id = await projection.openConversation(found.jid, found.alt)
  return { kind: 'finished', result: { conversation_id: id } }
}
