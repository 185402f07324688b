import type { ClaimedCommand } from '#shared/commands.ts'
import type { ChatReference } from '../whatsapp/chat-state.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** What stands for ever in a time of the database. */
const forever = Date.UTC(9999, 0)

/** Puts on the phone what was set here: archived, pinned, muted, marked as unread. What fails is tried again. */
export async function setChatState(
  command: ClaimedCommand & { kind: 'set_chat_state' | 'mark_unread' | 'unmark_unread' },
  { open, commands }: CommandContext,
): Promise<Outcome> {
  const row = await commands.readChat(command.conversation_id)
  if (!row) return { kind: 'failed', code: 'conversation_not_found' }
  const chat: ChatReference = {
    chat: row.address,
    last: row.wa_id === null ? null : { waId: row.wa_id, fromMe: row.from_me, sender: row.sender_jid, at: row.at },
  }
  if (command.kind !== 'set_chat_state') await open.setRead(chat, command.kind === 'unmark_unread')
  else {
    const { archived, pinned, muted_until: until } = command.payload
    if (archived !== undefined) await open.setArchived(chat, archived)
    if (pinned !== undefined) await open.setPinned(chat, pinned)
    if (until !== undefined) await open.setMuted(chat, until === null ? null : muteEnd(until))
  }
  return { kind: 'finished', result: {} }
}

function muteEnd(until: string): number {
  const time = Date.parse(until)
  return time >= forever ? -1 : time
}
