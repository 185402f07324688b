import type { BinaryNode } from '@whiskeysockets/baileys'

/** What of Baileys' WebSocket client is used: an event emitter that knows whether it is open. */
export interface StanzaSource {
  readonly isOpen: boolean
  listeners(event: string): unknown[]
  removeAllListeners(event: string): unknown
  on(event: string, listener: (node: BinaryNode) => void): unknown
}

const event = 'CB:message'

/**
 * Has messages handled one after another, as they came. Baileys begins with each at once and looks its sender up before it takes its
 * lock (messages-recv.js handleMessage), so a message whose lookup is answered first overtakes; and it queues the offline backlog apart
 * from live traffic, which overtakes it. `before` hears of each stanza as it came, `after` when Baileys
 * has done with it: its events are out or buffered. `idle` resolves when all that have come so far are done.
 */
export function handleInOrder(
  source: StanzaSource,
  { before, after }: { before: (node: BinaryNode) => void; after: (node: BinaryNode) => void },
  onFailure: (error: unknown) => void,
): { idle(): Promise<void> } {
  const handlers = source.listeners(event) as ((node: BinaryNode) => unknown)[]
  if (handlers.length === 0) throw new Error('Baileys does not listen for messages: its internals have changed')
  source.removeAllListeners(event)
  let last: Promise<void> = Promise.resolve()
  source.on(event, (node) => {
    before(node)
    const { offline: _, ...attrs } = node.attrs
    last = last
      .then(async () => {
        // What could not be answered any more comes again.
        if (!source.isOpen) return
        for (const handle of handlers) await handle({ ...node, attrs })
        after(node)
      })
      .catch(onFailure)
  })
  return { idle: () => last }
}
