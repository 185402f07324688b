import type { BinaryNode } from '@whiskeysockets/baileys'
import { emptyBatch, type InboundBatch, type InboundReceipt } from '#shared/inbound.ts'
import type { Self } from './self.ts'
import { readReceipts } from './receipts.ts'

export interface ReceiptSinkOptions {
  self: () => Self | null
  /** Resolves when the messages that came before were handed on. */
  handedOn: () => Promise<void>
  /** Resolves to whether the batch was stored. */
  onBatch: (batch: InboundBatch) => Promise<boolean>
}

interface Waiting {
  receipts: InboundReceipt[]
  settle: (stored: boolean) => void
}

/**
 * Takes receipt stanzas and answers whether what they say is stored. While one batch is being stored the next ones gather, so that a
 * burst of receipts is a few transactions. What the account itself has read comes after the messages that it has read; what others say
 * of our messages may come at any time, also before the message (see private.early_receipts).
 */
export function createReceiptSink({
  self,
  handedOn,
  onBatch,
}: ReceiptSinkOptions): (node: BinaryNode) => Promise<boolean> {
  const waiting: Waiting[] = []
  let storing = false

  async function storeAll(): Promise<void> {
    if (storing) return
    storing = true
    while (waiting.length > 0) {
      const group = waiting.splice(0)
      const receipts = group.flatMap((each) => each.receipts)
      const stored = await onBatch({ ...emptyBatch(), receipts }).catch(() => false)
      for (const each of group) each.settle(stored)
    }
    storing = false
  }

  return async (node) => {
    const me = self()
    const receipts = me ? readReceipts(node, me) : []
    if (receipts.length === 0) return true
    if (receipts.some((receipt) => !receipt.fromMe)) await handedOn()
    return new Promise((settle) => {
      waiting.push({ receipts, settle })
      void storeAll()
    })
  }
}
