import type { ClaimedCommand } from '#shared/commands.ts'
import { emptyBatch, type InboundState } from '#shared/inbound.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/**
 * Stars a message on the account's devices, or deletes it there for the account alone. What WhatsApp's server has taken takes effect here
 * as if the phone had said it.
 */
export async function markMessage(
  command: ClaimedCommand & { kind: 'star_message' | 'delete_for_me' },
  { open, commands, projection }: CommandContext,
): Promise<Outcome> {
  const { message_id: messageId } = command.payload
  const row = await commands.readChat(command.conversation_id, messageId)
  if (!row || row.wa_id === null) return { kind: 'failed', code: 'message_not_found' }
  const { address: chat, wa_id: waId, from_me: fromMe, sender_jid: sender, at } = row
  const message = { chat, waId, fromMe, sender, at }
  let state: InboundState
  if (command.kind === 'star_message') {
    await open.setStarred(message, command.payload.starred)
    state = { chat, kind: 'star', waId, fromMe, on: command.payload.starred }
  } else {
    await open.deleteForMe(message)
    state = { chat, kind: 'delete-for-me', waId, fromMe }
  }
  await projection.project({ ...emptyBatch(), states: [state] })
  return { kind: 'finished', result: { message_id: messageId, conversation_id: command.conversation_id } }
}
