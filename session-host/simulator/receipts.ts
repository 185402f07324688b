import { acknowledgeReceipt } from './acknowledge.ts'
import { confirmDelivery } from './confirm.ts'
import type { Connection } from './connection.ts'
import { enqueue, settle } from './delivery-queue.ts'
import { groupByJid, groupJid, isGroupJid } from './group.ts'
import { jidOf, parseJid } from './jid.ts'
import { answerMediaRetry } from './media-retry.ts'
import { groupReadByCompanion, readByCompanion, resend } from './phone.ts'
import { chatWith, messageIn } from './phone-record.ts'
import { readBundle } from './prekeys.ts'
import { child, children, numberOf, stanza, type Stanza } from './stanza.ts'
import type { Device, Person } from './state.ts'
import { count, findPerson, recordUnhandled, type World } from './world.ts'

/** A companion answers stanzas: delivered, read, or "send it again". Whatever it says, the stanza leaves its queue. */
export async function acceptReceipt(world: World, connection: Connection, node: Stanza): Promise<void> {
  const { login } = connection
  if (!login) return
  const { person, device } = login
  const { type } = node.attrs
  if (isLost(world, connection, person)) return
  const ids = [node.attrs.id ?? '', ...children(child(node, 'list'), 'item').map((item) => item.attrs.id ?? '')]
  const peer = node.attrs.recipient ?? node.attrs.to ?? jidOf(person, 'pn')
  const settled = ids.flatMap((id) => settle(world, device, { tag: 'message', id, with: peer }) ?? [])
  const removed = settled.map((each) => each.attrs.id ?? '')
  world.events.publish('receipt.device', person.number, {
    device: device.id,
    kind: `receipt:${type ?? 'delivered'}`,
    message_id: ids[0],
    message_ids: removed,
    settled: removed.length,
  })
  for (const each of settled)
    if (world.faults.take('redeliver_messages', person.number)) enqueue(world, person, device, each)
  const group = groupByJid(world, peer)
  const author = findPerson(world, (group && node.attrs.participant) ?? peer)
  const addressed = group?.addressed ?? parseJid(peer)?.addressed ?? 'pn'
  switch (type) {
    case undefined:
    case 'inactive':
      // The phone's own confirmation is on its way too; the author's side hears of the first one.
      if (author && author !== person) {
        for (const id of removed)
          if (isOnlySent(author, person, id, group && groupJid(group)))
            confirmDelivery(world, { author, reader: person, id, addressed, group: group && groupJid(group) })
      }
      break
    case 'read':
    case 'played':
      if (group) groupReadByCompanion(world, person, group, ids, type)
      else if (author && author !== person) readByCompanion(world, person, device, author, ids, addressed, type)
      break
    case 'retry':
      connection.nacksDue.set(ids[0] ?? '', (connection.nacksDue.get(ids[0] ?? '') ?? 0) + 1)
      await askedAgain(world, person, device, node)
      break
    case 'server-error':
      answerMediaRetry(world, person, device, node)
      break
    case 'sender':
    case 'peer_msg':
    case 'hist_sync':
    case 'read-self':
      break
    default:
      recordUnhandled(world, connection, node)
  }
  acknowledgeReceipt(connection, node)
}

/** `<ack>`: the companion has taken a stanza, or (with `error`) refuses it. Both take it out of the queue. */
export function acceptAck(world: World, connection: Connection, node: Stanza): void {
  const { login } = connection
  if (!login) return
  const { person, device } = login
  const { id = '', class: tag = '', error } = node.attrs
  if (tag === 'message' && isLost(world, connection, person)) return
  const due = connection.nacksDue.get(id) ?? 0
  if (tag === 'message' && error !== undefined && due > 0) {
    connection.nacksDue.set(id, due - 1)
    return
  }
  const answered = { tag, id, ...(node.attrs.to !== undefined && { with: node.attrs.recipient ?? node.attrs.to }) }
  const settled = settle(world, device, answered) !== undefined
  if (error !== undefined) count(world, `nack_${error}`)
  const details = { device: device.id, kind: `ack:${tag}`, message_id: id, settled: settled ? 1 : 0 }
  world.events.publish('receipt.device', person.number, error === undefined ? details : { ...details, error })
}

/** Whether a fault lets a companion's answer to a message get lost; then the stanza stays in the queue. */
function isLost(world: World, connection: Connection, person: Person): boolean {
  if (world.faults.take('drop_at', person.number, 'at_receipt')) connection.destroy()
  else if (!world.faults.take('lose_receipts', person.number)) return false
  return true
}

async function askedAgain(world: World, person: Person, device: Device, node: Stanza): Promise<void> {
  const id = node.attrs.id ?? ''
  const retry = child(node, 'retry')
  const attempt = Number(retry?.attrs.count ?? 1)
  const group = isGroupJid(node.attrs.to)
  const authorJid = group ? node.attrs.participant : node.attrs.to
  const to = parseJid(authorJid)
  const author = authorJid === undefined ? undefined : findPerson(world, authorJid)
  world.events.publish('receipt.retry', person.number, { message_id: id, attempt, device: device.id })
  if (!to || !author) return
  if (to.device === 0) {
    const fresh = readBundle(child(node, 'keys'), numberOf(child(node, 'registration'))) ?? 'from-server'
    // A phone in airplane mode cannot answer; like a real one it does when it is back, if the companion asks again.
    if (!author.airplane) await resend(world, author, { person, device }, id, { attempt, fresh })
    return
  }
  const companion = author.devices.find((each) => each.id === to.device)
  if (!companion) return
  const { recipient, t } = node.attrs
  const asking = jidOf(person, to.addressed, device.id)
  const from = group ? node.attrs.to : asking
  const attributes = { from, participant: group ? asking : undefined, recipient, id, type: 'retry', t }
  enqueue(world, author, companion, stanza('receipt', attributes, children(node)))
}

function isOnlySent(author: Person, reader: Person, id: string, group: string | undefined): boolean {
  const message = messageIn(chatWith(author, group ?? reader.number), id, true)
  if (group !== undefined) return message?.receipts?.[reader.number] === undefined
  return message === undefined || message.status === 'sent'
}
