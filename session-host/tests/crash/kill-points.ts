import type { Account, CrashWorld } from './crash-world.ts'
import { holdRows, type RowLock } from './row-lock.ts'

/** A step of the inbound or outbound path at which a host can be killed. */
export interface KillPoint {
  name: string
  /** It stops more than its own session: nothing else is armed beside it. */
  alone?: true
  /** Has traffic run into the step. Resolves when the host is there, and stays there until it is killed. */
  arm(world: CrashWorld, account: Account): Promise<Armed>
}

export interface Armed {
  /** After the kill: whatever waits is ended or let through. */
  afterKill(): Promise<void>
}

type Rows = (account: Account) => { text: string; values: unknown[] }

const ofSession =
  (text: string): Rows =>
  ({ sessionId }) => ({ text, values: [sessionId] })

// Whoever writes the session's rows of these waits; reading them does not.
const stream = ofSession('select 1 from private.session_streams where session_id = $1 for update')
const conversations = ofSession('select 1 from public.conversations_new where session_id = $1 for update')
const ratchets = ofSession(
  `select 1 from private.whatsapp_keys where session_id = $1 and type in ('session', 'sender-key') for update`,
)

/** By themselves, or with the messages that were decrypted with them. */
const keysWritten = /write_keys|receive_messages/

/** Whose message is stopped there, in turn. */
const speakers = ['contact', 'group', 'own'] as const

/** Every step that a row of one session, or a fault of its wire, can stop a host at. */
export const killPoints: KillPoint[] = [
  inbound('before decrypt commit', ratchets, keysWritten, 'abort', 'at once'),
  inbound('after commit, before receipt', ratchets, keysWritten, 'commit', 'at once'),
  inbound('after receipt, before projection', conversations, /messages/, 'abort', 'after the receipt'),
  inbound('during projection', stream, /./, 'abort', 'after the receipt'),
  inbound('after projection, before publish', stream, /./, 'commit', 'after the receipt'),
  // The two of these are never in one round: acknowledgements of two sessions may wait in one statement.
  acknowledged('after ack, before commit', 'abort'),
  {
    name: 'after submit, before claim',
    alone: true,
    async arm(world, account) {
      // It does not see what was submitted, through another host, any more.
      world.active().signal('SIGSTOP')
      const { id } = await world.submit(account, { through: await world.standbyUrl() })
      await commandIs(world, id, 'queued')
      return { afterKill: () => Promise.resolve() }
    },
  },
  {
    name: 'after claim, before stanza',
    async arm(world, account) {
      // A first message needs the recipient's devices and keys, and WhatsApp does not answer.
      const contact = await world.meet(account)
      await fault(world, account, true, 'silence')
      const { id } = await world.submit(account, { contact })
      await commandIs(world, id, 'claimed')
      return { afterKill: () => fault(world, account, false, 'silence') }
    },
  },
  {
    name: 'stanza in flight, before ack',
    async arm(world, account) {
      await fault(world, account, true)
      const { id, waId } = await world.submit(account)
      await world.events.next((event) => event.type === 'message.arrived' && event['message_id'] === waId)
      await statusIs(world, id, 'pending')
      return { afterKill: () => fault(world, account, false) }
    },
  },
  outboundKeys('during key commit', 'abort'),
  outboundKeys('key commit on its way', 'commit'),
  acknowledged('after ack, commit on its way', 'commit'),
]

function inbound(
  name: string,
  rows: Rows,
  statement: RegExp,
  outcome: 'abort' | 'commit',
  when: 'at once' | 'after the receipt',
): KillPoint {
  return {
    name,
    async arm(world, account) {
      const lock = await hold(world, rows, account)
      const { id } = await world.say(account, speakers[account.said.length % speakers.length] ?? 'contact')
      if (when === 'after the receipt')
        await world.events.next(
          (event) => event.type === 'receipt.device' && event.number === account.number && event['message_id'] === id,
        )
      await lock.blocks(statement)
      return { afterKill: () => lock.release(outcome) }
    },
  }
}

function acknowledged(name: string, outcome: 'abort' | 'commit'): KillPoint {
  return {
    name,
    async arm(world, account) {
      await fault(world, account, true)
      const { id, waId } = await world.submit(account)
      await world.events.next((event) => event.type === 'message.arrived' && event['message_id'] === waId)
      const lock = await holdRows(world.stack.adminDatabaseUrl, [
        { text: 'select 1 from public.messages_new where id = $1 for update', values: [id] },
      ])
      await fault(world, account, false)
      await lock.blocks(/raise_statuses/)
      return { afterKill: () => lock.release(outcome) }
    },
  }
}

function outboundKeys(name: string, outcome: 'abort' | 'commit'): KillPoint {
  return {
    name,
    async arm(world, account) {
      const lock = await hold(world, ratchets, account)
      await world.submit(account)
      await lock.blocks(keysWritten)
      return { afterKill: () => lock.release(outcome) }
    },
  }
}

function hold(world: CrashWorld, rows: Rows, account: Account): Promise<RowLock> {
  return holdRows(world.stack.adminDatabaseUrl, [rows(account)])
}

async function fault(
  world: CrashWorld,
  account: Account,
  on: boolean,
  name: 'hold_acks' | 'silence' = 'hold_acks',
): Promise<void> {
  await world.simulator.control.post('/faults', { fault: name, number: account.number, on })
}

async function statusIs(world: CrashWorld, id: string, status: string): Promise<void> {
  const [row] = await world.watch.query<{ status: string }>('select status from public.messages_new where id = $1', [
    id,
  ])
  if (row?.status !== status) throw new Error(`the message is "${row?.status}" where it has to be "${status}"`)
}

async function commandIs(world: CrashWorld, messageId: string, status: string): Promise<void> {
  await world.watch.until<{ status: string }>(
    'select status from private.session_commands where message_id = $1',
    [messageId],
    ([row]) => row?.status === status,
  )
}
