import type { BinaryNode } from '@whiskeysockets/baileys'
import type { StanzaSource } from './handle-in-order.ts'

/**
 * Has stanzas of one kind stored before Baileys sees them, in the order in which they came. Baileys acknowledges a receipt or a
 * notification when its handler ends, whatever became of its events; the server forgets it then. What could not be stored is not handed
 * on, so it is not acknowledged and comes again with the next connection.
 */
export function storeBeforeAck(
  source: StanzaSource,
  event: string,
  /** Resolves to whether the stanza is accounted for. */
  store: (node: BinaryNode) => Promise<boolean>,
  onFailure: (error: unknown) => void,
): void {
  const handlers = source.listeners(event) as ((node: BinaryNode) => unknown)[]
  if (handlers.length === 0) throw new Error(`Baileys does not listen for ${event}: its internals have changed`)
  source.removeAllListeners(event)
  let last: Promise<void> = Promise.resolve()
  source.on(event, (node) => {
    // Begun at once, so that a burst is stored together; handed on in order.
    const stored = store(node)
    last = Promise.all([stored, last])
      .then(async ([isStored]) => {
        if (!isStored || !source.isOpen) return
        // Baileys queues what is marked offline apart from the rest.
        const { offline: _, ...attrs } = node.attrs
        for (const handle of handlers) await handle({ ...node, attrs })
      })
      .catch(onFailure)
  })
}
