import { AsyncLocalStorage } from 'node:async_hooks'
import type { SignalKeyStoreWithTransaction, SignalRepositoryWithLIDStore, WASocket } from '@whiskeysockets/baileys'

/** Knows which frames carry what was encrypted with a ratchet that is not in the key store yet. */
export interface UnstoredRatchets {
  /** Follows the transactions of one socket's keys, and what is encrypted in them. */
  follow<T extends SignalRepositoryWithLIDStore>(repository: T, keys: SignalKeyStoreWithTransaction): T
  /** Follows what the socket asks and waits for. */
  followQueries(socket: WASocket['ws']): void
  /**
   * For the frame that is being sent at this moment: resolves when the ratchet that it was encrypted with is in the key store (not yet
   * committed), rejects when it never will be. Null when it was not encrypted, or no longer has to wait.
   */
  pending(): Promise<void> | null
}

interface Transaction {
  hasEncrypted: boolean
  isOver: boolean
  stored: Promise<void>
}

/**
 * Baileys sends a message from inside the transaction of its keys and commits afterwards (messages-send.js:835 and :882): after a crash in
 * between the next message would be encrypted with the same key, and its recipient, who has used that key up, could not read it. What is
 * encrypted in a transaction therefore waits for its end. What the transaction itself waits for does not: after the encryption for a group
 * it still asks the server for the keys of new members.
 *
 * @see UnstoredRatchets
 */
export function createUnstoredRatchets(): UnstoredRatchets {
  const transactions = new AsyncLocalStorage<Transaction>()
  let isQuery = false

  function current(): Transaction | undefined {
    const transaction = transactions.getStore()
    // What a transaction has left running behind it is no part of it any more.
    return transaction?.isOver ? undefined : transaction
  }

  function followTransactions(keys: SignalKeyStoreWithTransaction): void {
    const run = keys.transaction.bind(keys)
    keys.transaction = async <T>(work: () => Promise<T>, key: string): Promise<T> => {
      if (current()) return run(work, key)
      const { promise: stored, resolve, reject } = Promise.withResolvers<void>()
      stored.catch(() => undefined)
      const transaction: Transaction = { hasEncrypted: false, isOver: false, stored }
      try {
        const result = await run(() => transactions.run(transaction, work), key)
        resolve()
        return result
      } catch (error) {
        reject(error)
        throw error
      } finally {
        transaction.isOver = true
      }
    }
  }

  function note(): void {
    const transaction = current()
    if (transaction) transaction.hasEncrypted = true
  }

  return {
    follow(repository, keys) {
      followTransactions(keys)
      const encryptMessage = repository.encryptMessage.bind(repository)
      const encryptGroupMessage = repository.encryptGroupMessage.bind(repository)
      return Object.assign(repository, {
        encryptMessage(options: Parameters<typeof encryptMessage>[0]) {
          note()
          return encryptMessage(options)
        },
        encryptGroupMessage(options: Parameters<typeof encryptGroupMessage>[0]) {
          note()
          return encryptGroupMessage(options)
        },
      })
    },
    followQueries(socket) {
      const on = socket.on.bind(socket)
      // Baileys listens for the answer, then sends, without a pause in between (socket.js:86 and :131).
      socket.on = (event, listener) => {
        if (typeof event === 'string' && event.startsWith('TAG:')) {
          isQuery = true
          queueMicrotask(() => {
            isQuery = false
          })
        }
        return on(event, listener)
      }
    },
    pending() {
      // The mark is for the next frame alone: another flow's may follow before the microtask.
      const isOfQuery = isQuery
      isQuery = false
      const transaction = current()
      return transaction?.hasEncrypted && !isOfQuery ? transaction.stored : null
    },
  }
}
