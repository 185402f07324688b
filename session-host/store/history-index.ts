import type { Database, Transaction } from './database.ts'
import { fenced, type Lease } from './fenced.ts'
import type { SearchWords } from './search-words.ts'

/** A message that is stored and not in the search index. */
export interface Unindexed {
  id: string
  text: string
}

/** Puts what a history brings into the search index, a slice behind what stores it, over a connection of its own. */
export interface HistoryIndex {
  /** Waits until it is no more than a slice behind; the first time it adds what an earlier import left out. */
  ready(): Promise<void>
  /** Indexes messages that are committed. What fails, settle() makes up for. */
  add(messages: Unindexed[]): void
  /** Resolves when all that was added is in the index. */
  settle(): Promise<void>
  /** Indexes messages in the transaction that stores them. */
  within(transaction: Transaction, messages: Unindexed[]): Promise<void>
}

/** @see HistoryIndex. What a host that dies has not indexed is known by private.history_chunks.unindexed. */
export function createHistoryIndex(database: Database, lease: Lease, words: SearchWords): HistoryIndex {
  let isChecked = false
  let last: Promise<void> = Promise.resolve()
  let lastButOne = last

  async function check(): Promise<void> {
    if (isChecked) return
    await last
    await fenced(database, lease, (transaction) =>
      transaction.query('select private.index_missing($1)', [lease.sessionId]),
    )
    isChecked = true
  }

  async function index(messages: Unindexed[]): Promise<void> {
    const found = await words.of(messages.map(({ text }) => text))
    await fenced(database, lease, (transaction) => insert(transaction, messages, found))
  }

  return {
    async ready() {
      await lastButOne
      await check()
    },
    add(messages) {
      if (messages.length === 0) return
      lastButOne = last
      last = last
        .then(() => index(messages))
        .catch(() => {
          isChecked = false
        })
    },
    async settle() {
      await last
      await check()
    },
    async within(transaction, messages) {
      if (messages.length === 0) return
      const found = await words.of(
        messages.map(({ text }) => text),
        transaction,
      )
      await insert(transaction, messages, found)
    },
  }
}

async function insert(transaction: Transaction, messages: Unindexed[], words: Map<string, string>): Promise<void> {
  await transaction.query('select private.index_messages($1, $2)', [
    messages.map(({ id }) => id),
    messages.map(({ text }) => words.get(text) ?? ''),
  ])
}
