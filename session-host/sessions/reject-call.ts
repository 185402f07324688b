import { emptyBatch } from '#shared/inbound.ts'
import { normalizeJid } from '#shared/ids.ts'
import type { ClaimedCommand } from '#shared/commands.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Refuses a call. It has stopped ringing here then, whatever the caller does. */
export async function rejectCall(
  command: ClaimedCommand & { kind: 'reject_call' },
  { open, projection }: CommandContext,
): Promise<Outcome> {
  const { call_id: callId, creator } = command.payload
  await open.rejectCall(callId, creator)
  const chat = normalizeJid(creator)
  if (chat)
    await projection.project({
      ...emptyBatch(),
      calls: [
        { callId, chat, creator, state: 'rejected', video: false, at: Math.floor(command.created_at.getTime() / 1000) },
      ],
    })
  return { kind: 'finished', result: { call_id: callId } }
}
