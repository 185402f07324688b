import type { ClaimedWork } from '../store/claimer.ts'
import { blockContact } from './block-contact.ts'
import type { CommandContext, Outcome } from './command-context.ts'
import { markMessage } from './mark-message.ts'
import { markPlayed, markRead } from './mark-read.ts'
import { requestHistory } from './request-history.ts'
import { changeGroup } from './change-group.ts'
import { rejectCall } from './reject-call.ts'
import { sendChange } from './send-change.ts'
import { sendMessage } from './send-message.ts'
import { setChatState } from './set-chat-state.ts'
import { startConversation } from './start-conversation.ts'

/**
 * Carries out one claimed command on an open connection. What is not there because it has become one with another since it was claimed
 * is done to that: the command says so by now, and is claimed again.
 */
export async function carryOut(command: ClaimedWork, context: CommandContext): Promise<Outcome> {
  const outcome = await attempt(command, context)
  const isMissing =
    outcome.kind === 'failed' && (outcome.code === 'message_not_found' || outcome.code === 'conversation_not_found')
  return isMissing && (await context.commands.leadsElsewhere(command)) ? { kind: 'later', waitMs: 0 } : outcome
}

/** One file a kind; this is the list of them. */
async function attempt(command: ClaimedWork, context: CommandContext): Promise<Outcome> {
  switch (command.kind) {
    case 'send_message':
      return sendMessage(command, context)
    case 'start_conversation':
      return startConversation(command, context)
    case 'mark_read':
      return markRead(command, context)
    case 'mark_played':
      return markPlayed(command, context)
    case 'mark_unread':
    case 'unmark_unread':
    case 'set_chat_state':
      return setChatState(command, context)
    case 'block_contact':
      return blockContact(command, context)
    case 'request_history':
      return requestHistory(command, context)
    case 'logout':
      context.onLogout()
      await context.open.logout()
      return { kind: 'settled' }
    case 'star_message':
    case 'delete_for_me':
      return markMessage(command, context)
    case 'edit_message':
    case 'delete_message':
    case 'react':
    case 'vote':
    case 'set_disappearing':
      return sendChange(command, context)
    case 'group':
      return changeGroup(command, context)
    case 'reject_call':
      return rejectCall(command, context)
    default:
      return command satisfies never
  }
}
