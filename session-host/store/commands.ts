import type { ClaimedCommand } from '#shared/commands.ts'
import type { ErrorCode } from '#shared/errors.ts'
import { appendEvents } from './append-events.ts'
import { createChatReader, type ChatReader } from './chat-reader.ts'
import { createClaimer, type Claim, type Claimer } from './claimer.ts'
import type { Database, Queryable } from './database.ts'
import { address } from './address.ts'
import { finishChange, type ChangeCommand } from './changes.ts'
import { fenced, type Lease } from './fenced.ts'
import { sentChange, type SentRecord } from './find-sent.ts'
import { keepProtos, noProtos, type ProtoBox } from './message-protos.ts'
import type { OutgoingRow } from './outgoing.ts'
import { readSendFacts, type SendFacts } from './send-facts.ts'

/** A message as the phone knows it. */
export interface OldestMessage {
  wa_id: string
  from_me: boolean
  /** Epoch seconds. */
  at: number
  /** JID to address the chat by. */
  address: string
}

export interface CommandStore extends ChatReader {
  /** Claims what may run now, in order: each lane's head, and of messages to be sent `depth` behind one another (1: the head only). */
  claim(limit: number, depth?: number): Promise<Claim>
  /** What decides how a conversation may be written to; null when it is gone. */
  readSendFacts(conversationId: string): Promise<SendFacts | null>
  /** The message as it is about to leave, so that every retry sends the same. */
  keepProto(message: Pick<OutgoingRow, 'id' | 'wa_id'>, proto: Uint8Array): Promise<void>
  /** A change as it is to be sent; null when the conversation, or the message if it is about one, is gone. */
  readChange(command: ChangeCommand): Promise<(SentRecord & { kind: 'change' }) | null>
  /** The JID that a conversation is addressed by; null when it is gone. */
  readAddress(conversationId: string): Promise<string | null>
  /** WhatsApp's server has taken a change: it takes effect, its command is done. */
  finishChange(command: ChangeCommand): Promise<void>
  /** Whether a command is about another conversation or message now than when it was claimed: they have become one with others. */
  leadsElsewhere(command: ClaimedCommand): Promise<boolean>
  /** True while a logout waits to be carried out. */
  logoutWaits(): Promise<boolean>
  /** Keys of messages that were marked as read, for their receipts. */
  readKeys(messageIds: string[]): Promise<{ wa_id: string; sender_jid: string | null; address: string }[]>
  /** The JIDs of a contact, the number of the moment first. */
  contactJids(contactId: string): Promise<string[]>
  /** The oldest message of a conversation that the phone can go back from. */
  readOldest(conversationId: string): Promise<OldestMessage | null>
  /** The message can't be sent: failed with the code, for good. */
  failMessage(command: ClaimedCommand, code: ErrorCode): Promise<void>
  finish(command: ClaimedCommand, result: Record<string, unknown>): Promise<void>
  /**
   * Back into the queue, not before the delay. `counts` is whether this was a try. Changes nothing when the command was claimed again
   * meanwhile.
   */
  retry(command: ClaimedCommand, options: { delaySeconds: number; counts: boolean }): Promise<void>
  /** What is claimed but unfinished becomes claimable again, but for the ids given: nobody is carrying it out. */
  releaseAll(except: string[]): Promise<void>
}

/** The outbox of one session, bound to its lease. Sessions of a host that are given the same claimer claim together. */
export function createCommandStore(
  database: Database,
  lease: Lease,
  protos: ProtoBox = noProtos,
  claimer: Claimer = createClaimer(database, { holder: lease.holder, protos }),
): CommandStore {
  const { sessionId } = lease
  return {
    ...createChatReader(database, sessionId),
    claim: (limit, depth = 1) => claimer.claim(lease, limit, depth),
    readSendFacts: (conversationId) => readSendFacts(database, sessionId, conversationId),
    keepProto: ({ id: messageId, wa_id: waId }, proto) =>
      fenced(database, lease, (transaction) =>
        keepProtos(transaction, { ...lease, protos }, [{ messageId, waId, proto }]),
      ),
    readChange: (command) => sentChange(database, sessionId, command, protos),
    async readAddress(conversationId) {
      const [row] = await database.query<{ address: string }>(
        `select ${address} as address from public.conversations_new c where c.id = $1 and c.session_id = $2`,
        [conversationId, sessionId],
      )
      return row?.address ?? null
    },
    finishChange: (command) => finishChange(database, lease, command),
    async leadsElsewhere(command) {
      if (!('conversation_id' in command)) return false
      const messageId = 'payload' in command && 'message_id' in command.payload ? command.payload.message_id : null
      const rows = await database.query(
        `select 1 from private.session_commands
           where id = $1 and (conversation_id is distinct from $2::uuid or payload ->> 'message_id' <> $3)`,
        [command.id, command.conversation_id, messageId],
      )
      return rows.length > 0
    },
    async logoutWaits() {
      const rows = await database.query(
        `select 1 from private.session_commands
           where session_id = $1 and kind = 'logout' and status in ('queued', 'claimed') limit 1`,
        [sessionId],
      )
      return rows.length > 0
    },
    readKeys: (messageIds) =>
      database.query(
        `select m.wa_id, m.sender_jid, ${address} as address
           from public.messages_new m join public.conversations_new c on c.id = m.conversation_id
           where m.session_id = $1 and m.id = any($2) and not m.from_me
           order by m.created_at, m.ordinal`,
        [sessionId, messageIds],
      ),
    async contactJids(contactId) {
      const rows = await database.query<{ jid: string }>(
        `select i.jid from public.contact_identities i join public.contacts c on c.id = i.contact_id
           where i.session_id = $1 and (c.id = $2 or c.id = (select m.contact_id from private.contact_merges m where m.old_id = $2))
           order by i.jid = c.phone || '@s.whatsapp.net' desc nulls last, i.kind desc, i.created_at desc`,
        [sessionId, contactId],
      )
      return rows.map(({ jid }) => jid)
    },
    async readOldest(conversationId) {
      const [row] = await database.query<OldestMessage>(
        `select m.wa_id, m.from_me, extract(epoch from m.created_at)::float8 as at, ${address} as address
           from public.messages_new m join public.conversations_new c on c.id = m.conversation_id
           where m.conversation_id = $2 and m.session_id = $1 and m.status <> 'pending' and m.message_type <> 'notice'
           order by m.created_at, m.ordinal limit 1`,
        [sessionId, conversationId],
      )
      return row ?? null
    },
    failMessage: (command, code) =>
      fenced(database, lease, async (transaction) => {
        // The message before its command, as receipts and acknowledgements take them.
        if (command.kind === 'send_message')
          await transaction.query('select 1 from public.messages_new where id = $1 for no key update', [
            command.message_id,
          ])
        await close(transaction, lease, command, 'dead', null, code)
        if (command.kind !== 'send_message') return
        const failed = await transaction.query(
          `update public.messages_new set status = 'failed', error_code = $2 where id = $1 and status = 'pending' returning id`,
          [command.message_id, code],
        )
        if (failed.length === 0) return
        await appendEvents(transaction, lease, [
          {
            type: 'message.status',
            data: {
              conversation_id: command.conversation_id,
              message_id: command.message_id,
              status: 'failed',
              error_code: code,
            },
          },
        ])
      }),
    finish: (command, result) => close(database, lease, command, 'done', result, null),
    retry: (command, { delaySeconds, counts }) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.session_commands set
               status = 'queued', claimed_epoch = null, next_attempt_at = now() + make_interval(secs => $2),
               attempts = attempts - $4
             where id = $1 and status = 'claimed' and attempts = $3`,
          [command.id, delaySeconds, command.attempts, counts ? 0 : 1],
        )
      }),
    releaseAll: (except) =>
      fenced(database, lease, async (transaction) => {
        await transaction.query(
          `update private.session_commands set status = 'queued', claimed_epoch = null
             where session_id = $1 and status = 'claimed' and not id = any($2::bigint[])`,
          [sessionId, except],
        )
      }),
  }
}

async function close(
  queryable: Queryable,
  lease: Lease,
  command: ClaimedCommand,
  status: 'done' | 'dead',
  result: Record<string, unknown> | null,
  code: ErrorCode | null,
): Promise<void> {
  await queryable.query('select private.close_command($1, $2, $3, $4, $5, $6, $7)', [
    lease.sessionId,
    lease.holder,
    lease.epoch,
    command.id,
    status,
    result && JSON.stringify(result),
    code,
  ])
}
