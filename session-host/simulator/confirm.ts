import { afterAcknowledgement } from './acknowledge.ts'
import { enqueue } from './delivery-queue.ts'
import { jidOf } from './jid.ts'
import { applyStatus } from './phone-record.ts'
import { stanza } from './stanza.ts'
import type { Addressing, Person, Status } from './state.ts'
import { seconds, type World } from './world.ts'

/** Whose message it is, who got it, in which form of JID, and in which group. */
interface Parties {
  author: Person
  reader: Person
  addressed: Addressing
  /** The group's JID. */
  group?: string | undefined
}

/** Tells the author's phone and companions that the reader has got (or read) messages, in the form they are addressed by. */
function confirm(world: World, receipt: Parties & { ids: string[]; status: Exclude<Status, 'sent'> }): void {
  const { author, reader, status, ids, group } = receipt
  const [first, ...rest] = ids
  if (first === undefined) return
  const at = seconds()
  for (const id of ids) {
    const change = { id, by: reader.number, status, ...(group && { group }) }
    if (author.airplane) author.waiting.push({ kind: 'status', at, ...change })
    else applyStatus(world, author, change)
  }
  const attributes = {
    from: group ?? jidOf(reader, receipt.addressed),
    participant: group && jidOf(reader, receipt.addressed),
    id: first,
    t: at,
    type: status === 'delivered' ? undefined : status,
  }
  const items = rest.map((id) => stanza('item', { id }))
  const node = stanza('receipt', attributes, items.length > 0 ? [stanza('list', {}, items)] : undefined)
  for (const device of author.devices) enqueue(world, author, device, node)
}

/** A delivery is confirmed no sooner than the receipt delay after it was sent, and never before a held-back acknowledgement. */
export function confirmDelivery(world: World, receipt: Parties & { id: string }): void {
  const { author, reader, id } = receipt
  const key = keyOf(author, reader, id)
  const followers = world.deliveriesDue.get(key) ?? []
  world.deliveriesDue.set(key, followers)
  world.later(world.receiptDelayMs, () => {
    afterAcknowledgement(world, author, () => {
      world.deliveriesDue.delete(key)
      confirm(world, { ...receipt, ids: [id], status: 'delivered' })
      for (const task of followers.splice(0)) task()
    })
  })
}

/** Reading (or playing) is confirmed at once, but not before the delivery of the same messages. */
export function confirmRead(world: World, receipt: Parties & { ids: string[]; status?: 'read' | 'played' }): void {
  const task = (): void => confirm(world, { status: 'read', ...receipt })
  const due = receipt.ids
    .map((id) => world.deliveriesDue.get(keyOf(receipt.author, receipt.reader, id)))
    .findLast(Boolean)
  if (due) due.push(task)
  else task()
}

function keyOf(author: Person, reader: Person, id: string): string {
  return `${author.number} ${reader.number} ${id}`
}
