import type { Connection } from './connection.ts'
import type { FaultRequest } from './faults.ts'
import { notify } from './notify.ts'
import { stanza } from './stanza.ts'
import type { Person } from './state.ts'
import { findPerson, seconds, type World } from './world.ts'

/** Ids of the queries that Baileys asks (Types/Mex.js). */
const TIMELOCK_QUERY = '23983697327930364'
const CAP_QUERY = '24503548349331633'

/** Tells a person's companions that the account may not, or may again, write to people it has no chat with. */
export function announceTimelock(world: World, person: Person, request: FaultRequest): void {
  if (request.on) world.timelocks.set(person.number, seconds() + (request.seconds ?? 3_600))
  else world.timelocks.delete(person.number)
  const data = { xwa2_notify_account_reachout_timelock: timelock(world, person) }
  announce(world, person, 'NotificationUserReachoutTimelockUpdate', data)
}

/** Tells a person's companions that the account has used up its messages to new people, or no longer. */
export function announceCap(world: World, person: Person, capped: boolean): void {
  const data = { xwa2_notify_new_chat_messages_capping_info_update: cap(capped) }
  announce(world, person, 'MessageCappingInfoNotification', data)
}

/** Whether a timelock forbids this message: one to a person whom the sender's phone has no chat with. */
export function isReachout(world: World, sender: Person, to: string): boolean {
  if (!world.faults.get('reachout_timelock', sender.number)) return false
  const other = findPerson(world, to)
  return other !== undefined && other !== sender && !sender.chats.some((each) => each.with === other.number)
}

/** The answer to a query for restrictions; empty for any other. */
export function restrictionData(world: World, connection: Connection, query: string | undefined): object {
  const person = connection.login?.person
  if (!person) return {}
  if (query === TIMELOCK_QUERY) return { xwa2_fetch_account_reachout_timelock: timelock(world, person) }
  if (query === CAP_QUERY)
    return { xwa2_message_capping_info: cap(world.faults.get('message_cap', person.number) !== undefined) }
  return {}
}

function timelock(world: World, person: Person) {
  const until = world.timelocks.get(person.number)
  return until === undefined
    ? { is_active: false }
    : { is_active: true, time_enforcement_ends: String(until), enforcement_type: 'DEFAULT' }
}

function cap(capped: boolean) {
  return { total_quota: 50, used_quota: capped ? 50 : 0, capping_status: capped ? 'CAPPED' : 'NONE' }
}

function announce(world: World, person: Person, operation: string, data: object): void {
  const update = stanza('update', { op_name: operation }, Buffer.from(JSON.stringify({ data })))
  notify(world, person, { type: 'mex' }, [update])
}
