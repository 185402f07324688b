import type { Database, Transaction } from './database.ts'

/** What a signed-in user asks through the socket: the same SQL functions as REST and supabase-js, run as that user. */
export interface UserRequests {
  submitMessage(
    userId: string,
    request: { conversation: string; text: string; idempotencyKey?: string | undefined; replyTo?: string | undefined },
  ): Promise<{ message: Record<string, unknown> & { id: string }; replayed: boolean }>
  requestLink(userId: string): Promise<{ session_id: string; status: string }>
}

/** @see UserRequests. The definer functions check auth.uid(), which reads these claims. */
export function createUserRequests(database: Database): UserRequests {
  return {
    submitMessage: (userId, request) =>
      asUser(database, userId, async (transaction) => {
        const [row] = await transaction.query<{
          result: { message: Record<string, unknown> & { id: string }; replayed: boolean }
        }>(`select private.submit_message($1, $2, $3, $4, 'user') as result`, [
          request.conversation,
          request.text,
          request.idempotencyKey ?? null,
          request.replyTo ?? null,
        ])
        if (!row) throw new Error('submit_message answered nothing')
        return row.result
      }),
    requestLink: (userId) =>
      asUser(database, userId, async (transaction) => {
        const [row] = await transaction.query<{ result: { session_id: string; status: string } }>(
          'select private.request_link() as result',
        )
        if (!row) throw new Error('request_link answered nothing')
        return row.result
      }),
  }
}

function asUser<T>(database: Database, userId: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query(`select set_config('request.jwt.claims', $1, true)`, [
      JSON.stringify({ sub: userId, role: 'authenticated' }),
    ])
    return await work(transaction)
  })
}
