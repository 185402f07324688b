import { afterAcknowledgement } from './acknowledge.ts'
import { enqueue } from './delivery-queue.ts'
import { jidOf } from './jid.ts'
import { applyStatus } from './phone-record.ts'
import { stanza } from './stanza.ts'
import type { Addressing, Person, Status } from './state.ts'
import { seconds, type World } from './world.ts'

/** Tells the author's phone and companions that the reader has got (or read) messages, in the form they are addressed by. */
function confirm(
  world: World,
  receipt: { author: Person; reader: Person; ids: string[]; status: Exclude<Status, 'sent'>; addressed: Addressing },
): void {
  const { author, reader, status, ids } = receipt
  const [first, ...rest] = ids
  if (first === undefined) return
  const at = seconds()
  for (const id of ids) {
    if (author.airplane) author.waiting.push({ kind: 'status', id, by: reader.number, status, at })
    else applyStatus(world, author, id, status, reader.number)
  }
  const attributes = {
    from: jidOf(reader, receipt.addressed),
    id: first,
    t: at,
    type: status === 'read' ? 'read' : undefined,
  }
  const items = rest.map((id) => stanza('item', { id }))
  const node = stanza('receipt', attributes, items.length > 0 ? [stanza('list', {}, items)] : undefined)
  for (const device of author.devices) enqueue(world, author, device, node)
}

/** A delivery is confirmed no sooner than the receipt delay after it was sent, and never before a held-back acknowledgement. */
export function confirmDelivery(
  world: World,
  receipt: { author: Person; reader: Person; id: string; addressed: Addressing },
): void {
  const { author, reader, id, addressed } = receipt
  const key = keyOf(author, reader, id)
  const followers = world.deliveriesDue.get(key) ?? []
  world.deliveriesDue.set(key, followers)
  world.later(world.receiptDelayMs, () => {
    afterAcknowledgement(world, author, () => {
      world.deliveriesDue.delete(key)
      confirm(world, { author, reader, ids: [id], status: 'delivered', addressed })
      for (const task of followers.splice(0)) task()
    })
  })
}

/** Reading is confirmed at once, but not before the delivery of the same messages. */
export function confirmRead(
  world: World,
  receipt: { author: Person; reader: Person; ids: string[]; addressed: Addressing },
): void {
  const task = (): void => confirm(world, { ...receipt, status: 'read' })
  const due = receipt.ids
    .map((id) => world.deliveriesDue.get(keyOf(receipt.author, receipt.reader, id)))
    .findLast(Boolean)
  if (due) due.push(task)
  else task()
}

function keyOf(author: Person, reader: Person, id: string): string {
  return `${author.number} ${reader.number} ${id}`
}
