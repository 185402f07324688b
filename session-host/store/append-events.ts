import type { SessionEvent } from '#shared/events.ts'
import type { Transaction } from './database.ts'

/** Appends events to a session's log; call it last in the transaction (it locks the stream until the commit). Returns the last seq. */
export async function appendEvents(
  transaction: Transaction,
  session: { sessionId: string; userId: string },
  events: SessionEvent[],
): Promise<number> {
  const [row] = await transaction.query<{ seq: number }>(
    'select private.append_events($1, $2, $3) as seq',
    [session.sessionId, session.userId, JSON.stringify(events)],
    'append_events',
  )
  return row?.seq ?? 0
}
