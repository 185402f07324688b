import type { ClaimedCommand } from '#shared/commands.ts'
import { emptyBatch } from '#shared/inbound.ts'
import type { CommandContext, Outcome } from './command-context.ts'

/** Blocks or unblocks a person on WhatsApp; the contact says so once WhatsApp has taken it. */
export async function blockContact(
  command: ClaimedCommand & { kind: 'block_contact' },
  { open, commands, projection }: CommandContext,
): Promise<Outcome> {
  const { contact_id, blocked } = command.payload
  const jids = await commands.contactJids(contact_id)
  const jid = jids[0]
  if (jid === undefined) return { kind: 'failed', code: 'not_found' }
  if (!(await open.setBlocked(jids, blocked))) return { kind: 'failed', code: 'number_unknown' }
  await projection.project({ ...emptyBatch(), blocks: { changed: [{ jid, blocked }] } })
  return { kind: 'finished', result: { contact_id } }
}
